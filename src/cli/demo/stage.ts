import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Fault } from "../../base/fault.ts";
import { realClock } from "../../base/real/clock.ts";
import { jsonLog } from "../../base/real/log.ts";
import { type Fleet, startFleet } from "../fleet.ts";
import { Api } from "./api.ts";
import { selfSigned } from "./certificate.ts";
import { nearestNameServers, startResolver, type Ways } from "./client/resolver.ts";
import { User } from "./client/stub.ts";
import {
  ACCOUNTS,
  CLIENTS,
  NEWS,
  PAPER_ZONE,
  type Ports,
  SHOP,
  SHOP_ALIAS,
  ZONE,
} from "./layout.ts";
import { networkYaml } from "./network.ts";
import { nodeFiles } from "./node-files.ts";
import { until } from "./wait.ts";
import { startWorld, type World } from "./world.ts";

export interface Member {
  readonly email: string;
  readonly password: string;
  readonly token: string;
  readonly api: Api;
}

/** Everything that runs: the product's own processes and the world around them. */
export interface Stage {
  readonly ports: Ports;
  readonly dataDir: string;
  readonly networkPath: string;
  readonly world: World;
  readonly fleet: Fleet;
  readonly operator: Member;
  readonly shop: Member;
  readonly news: Member;
  /** By client network name; their lookups are always new ones. */
  readonly users: ReadonlyMap<string, User>;
  /** hostname -> its CNAME target. */
  readonly targets: ReadonlyMap<string, string>;
  /** From the start to the first right answer by DNS and object by HTTP. */
  readonly firstAnswerMs: number;
  stop(): Promise<void>;
}

export interface StageOptions {
  readonly ports: Ports;
  /** Null: a temporary folder, removed at the end. */
  readonly dataDir: string | null;
  readonly progress: (line: string) => void;
}

const READY_MS = 20_000;

/** Builds the whole of it, in order; whatever started is stopped again if a later step fails. */
export async function startStage(options: StageOptions): Promise<Stage> {
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    return { ...(await build(options, stops)), stop };
  } catch (cause) {
    await stop();
    throw explained(cause);
  }
}

function explained(cause: unknown): unknown {
  const inUse = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
  if (!inUse) return cause;
  const port = /port (\d+)/.exec(cause.message)?.[1];
  const which = port === undefined ? cause.message : `port ${port}`;
  return new Fault("port-in-use", `${which}; choose others with --port-base`, { cause });
}

async function build(
  { ports, progress, ...rest }: StageOptions,
  stops: (() => Promise<void> | void)[],
): Promise<Omit<Stage, "stop">> {
  const beganMs = performance.now();
  const dataDir = await dataFolder(rest.dataDir, stops);
  const networkPath = join(dataDir, "network.yaml");
  await writeFile(networkPath, networkYaml(ports));
  progress("starting the customers' web servers and the client networks");
  const world = await startWorld({ clock: realClock, ports });
  stops.push(world.stop);
  let ways: Ways = { ours: [ZONE, SHOP.hostname, PAPER_ZONE], cnames: new Map() };
  const users = new Map<string, User>();
  for (const network of CLIENTS) {
    const servers = nearestNameServers(network);
    const resolver = await startResolver({ network, ports, servers, ways: () => ways });
    stops.push(resolver.stop);
    users.set(network.name, new User({ network, ports, keepAnswers: false }));
  }
  progress("starting control, name servers, caches and probes");
  const tls = await writeTls(dataDir);
  const log = jsonLog("warn");
  const nodes = nodeFiles(ports, dataDir, tls);
  const fleet = await startFleet({ nodes, log, logLevel: "warn" });
  stops.push(() => fleet.stop());
  progress("applying the network file");
  const root = new Api(`http://127.0.0.1:${ports.control}`);
  const operator = await memberOf(root, ACCOUNTS.operator);
  const applied = await operator.api.apply(await Bun.file(networkPath).text());
  progress(
    `${applied.changes.length} changes applied, snapshot ${applied.snapshot ?? "as before"}`,
  );
  const [shop, news] = await Promise.all([
    memberOf(root, ACCOUNTS.shop),
    memberOf(root, ACCOUNTS.news),
  ]);
  const targets = await targetsOf(operator.api);
  const cnames = [
    [NEWS.hostname, targets.get(NEWS.hostname) ?? ""],
    [SHOP_ALIAS, `${SHOP.hostname}.${ZONE}`],
  ] as const;
  ways = { ...ways, cnames: new Map(cnames) };
  await firstAnswers(users, ports);
  const firstAnswerMs = performance.now() - beganMs;
  progress(`names are answered and objects served, ${(firstAnswerMs / 1000).toFixed(1)} s in`);
  await measured(operator.api);
  return {
    ...{ ports, dataDir, networkPath, world, fleet, operator, shop, news },
    ...{ users, targets, firstAnswerMs },
  };
}

async function dataFolder(
  asked: string | null,
  stops: (() => Promise<void> | void)[],
): Promise<string> {
  if (asked !== null) {
    const dir = resolve(asked);
    try {
      await mkdir(dir, { recursive: true });
    } catch (cause) {
      const message = "expected a folder that can be made and written";
      const problems = [{ path: "--data", message, received: asked }];
      throw new Fault("bad-input", "", { cause, problems });
    }
    return dir;
  }
  const dir = await mkdtemp(join(tmpdir(), "turnpike-demo-"));
  stops.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function writeTls(dataDir: string): Promise<{ readonly cert: string; readonly key: string }> {
  const made = selfSigned([`c.${ZONE}`, `*.${ZONE}`], new Date(realClock.wallMs()));
  const [cert, key] = [join(dataDir, "demo-cert.pem"), join(dataDir, "demo-key.pem")];
  await writeFile(cert, made.cert);
  await writeFile(key, made.key, { mode: 0o600 });
  return { cert, key };
}

async function memberOf(
  root: Api,
  who: { readonly email: string; readonly password: string },
): Promise<Member> {
  return { ...who, ...(await root.signIn(who)) };
}

async function targetsOf(api: Api): Promise<ReadonlyMap<string, string>> {
  const targets = new Map<string, string>();
  for (const customer of [SHOP.customer, NEWS.customer])
    for (const view of await api.sites(customer))
      targets.set(view.site.hostname, view.names.cname.replace(/\.$/, ""));
  return targets;
}

/** Every client network resolves both customers' names and the caches, and gets an object. */
async function firstAnswers(users: ReadonlyMap<string, User>, ports: Ports): Promise<void> {
  const ask = async (user: User) => {
    for (const name of [SHOP.hostname, NEWS.hostname]) await user.lookup(name);
    const object = `http://c.${ZONE}:${ports.http}/${SHOP.hostname}/css/site.css`;
    const got = await user.visit(object);
    if (got.status !== 200) throw new Error(`${object}: status ${got.status}`);
    return true;
  };
  await Promise.all(
    [...users].map(([name, user]) => until(`right answers in ${name}`, READY_MS, () => ask(user))),
  );
}

/** All servers and caches have been measured: loads are known. */
async function measured(api: Api): Promise<void> {
  await until("measurements of every server", READY_MS, async () => {
    const shop = await api.live(SHOP.customer, SHOP.hostname);
    const news = await api.live(NEWS.customer, NEWS.hostname);
    const all = [...shop.origins, ...news.origins, ...(await api.nodes())];
    const lacking = all.filter((t) => t.state !== "up" || !t.loadKnown);
    if (lacking.length > 0) throw new Error(`no load yet: ${lacking.map((t) => t.id).join(", ")}`);
    return true;
  });
}
