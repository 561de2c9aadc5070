import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { seededRng } from "../base/rng.ts";
import { LocalBus } from "../bus/mod.ts";
import { type Assignment, NO_ASSIGNMENT } from "../model/assignment.ts";
import type { Feed } from "../model/feed.ts";
import { type Health, NO_HEALTH } from "../model/health.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { type Control, type ControlOptions, startControl } from "./control.ts";

export const OPERATOR = { email: "ops@cdn.example", password: "operator-secret" };

/** A network file of two customers, for tests. Passwords: `shop-secret` and `news-secret`. */
export const NETWORK_YAML = `
zone: cdn.example
allowPrivateOrigins: true
pops:
  - {name: lon}
nodes:
  - {name: lon-1, pop: lon, roles: [dns, edge], addresses: {v4: 127.0.1.1}}
clientGroups:
  - {name: home, prefixes: [198.51.100.0/24], rttMs: {lon: 8}}
plans:
  - {name: flat, title: Flat, currency: EUR, kind: fixed, monthly: "10.00"}
customers:
  - name: shop
    plan: flat
    members:
      - {email: Shop@shop.example, password: shop-secret}
      - {email: reader@shop.example, password: reader-secret, role: viewer}
    sites:
      - hostname: www.shop.example
        steering: {margin: 0}
        origins:
          - {name: a, v4: 127.0.2.1}
          - {name: b, v4: 127.0.2.2, weight: 2}
  - name: news
    plan: flat
    members: [{email: news@news.example, password: news-secret}]
    sites:
      - hostname: www.news.example
        origins: [{name: a, v4: 127.0.3.1}]
`;

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A control role on a free port, a feed that takes what is published, and ways to call. */
export interface ControlWorld {
  readonly control: Control;
  readonly bus: LocalBus;
  readonly clock: FakeClock;
  readonly published: Snapshot[];
  readonly dataDir: string;
  health: Health;
  assignment: Assignment;
  call<T>(
    method: string,
    path: string,
    o?: { readonly body?: unknown; readonly headers?: Record<string, string> },
  ): Promise<Answer<T>>;
  /** Headers of a signed-in browser. */
  signIn(who: { email: string; password: string }): Promise<Record<string, string>>;
  /** Headers with a token. */
  token(who: { email: string; password: string }, order?: object): Promise<Record<string, string>>;
  /** @param between done while it is stopped */
  restart(between?: () => void): Promise<void>;
  stop(): Promise<void>;
}

export async function startControlWorld(
  more: Pick<ControlOptions, "resolver" | "openTransport"> & { readonly bus?: LocalBus } = {},
): Promise<ControlWorld> {
  const dataDir = await mkdtemp(join(tmpdir(), "turnpike-control-"));
  const { bus = new LocalBus(), ...given } = more;
  const clock = new FakeClock();
  const published: Snapshot[] = [];
  const listeners = new Set<(snapshot: Snapshot) => void>();
  bus.subscribe("snapshot.published", ({ snapshot }) => {
    if (snapshot.number <= (published.at(-1)?.number ?? 0)) return;
    published.push(snapshot);
    for (const listener of listeners) listener(snapshot);
  });
  const feed: Feed = {
    snapshot: () => published.at(-1) ?? null,
    health: () => world.health,
    assignment: () => world.assignment,
    onSnapshot(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onHealth: () => () => {},
  };
  const rng = seededRng(7);
  const start = () =>
    startControl({
      ...{ dataDir, bus, feed, ...given },
      listen: { host: "127.0.0.1", port: 0 },
      operator: OPERATOR,
      clock,
      rng,
      log: silentLog,
    });
  let control = await start();
  const world: ControlWorld = {
    get control() {
      return control;
    },
    bus,
    clock,
    published,
    dataDir,
    health: NO_HEALTH,
    assignment: NO_ASSIGNMENT,
    call: (method, path, o = {}) => call(control.url, `${method} ${path}`, o),
    async signIn(who) {
      const { headers } = await world.call("POST", "/session", { body: who });
      const cookie = (headers.get("set-cookie") ?? "").split(";", 1)[0] ?? "";
      return { cookie, origin: control.url };
    },
    async token(who, order = {}) {
      const headers = await world.signIn(who);
      const body = { name: "test", ...order };
      const made = await world.call<{ token: string }>("POST", "/tokens", { body, headers });
      return { authorization: `Bearer ${made.body.token}` };
    },
    async restart(between) {
      await control.stop();
      between?.();
      control = await start();
    },
    async stop() {
      await control.stop();
      bus.close();
      // Where a file in it goes meanwhile, the runtime takes the folder for one that is not there.
      while (existsSync(dataDir)) await rm(dataDir, { recursive: true, force: true });
    },
  };
  return world;
}

async function call<T>(
  url: string,
  what: string,
  o: { readonly body?: unknown; readonly headers?: Record<string, string> },
): Promise<Answer<T>> {
  const [method = "", path = ""] = what.split(" ");
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { "content-type": "application/json", ...o.headers },
    ...(o.body === undefined
      ? {}
      : { body: typeof o.body === "string" ? o.body : JSON.stringify(o.body) }),
  });
  const text = await response.text();
  const body = (text === "" ? null : JSON.parse(text)) as T;
  return { status: response.status, headers: response.headers, body };
}
