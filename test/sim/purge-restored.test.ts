// Whatever is purged, lost and restored in any order: what a receipt says is acknowledged is in force at that
// cache, then and for ever, and caches that are there acknowledge all that was purged since control's start.
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { seededRng } from "../../src/base/rng.ts";
import { LocalBus } from "../../src/bus/mod.ts";
import { createPurge, readPurge, servePurges } from "../../src/control/commands/purge.ts";
import { NETWORK_YAML } from "../../src/control/control-world.ts";
import type { Deps } from "../../src/control/deps.ts";
import { Throttle } from "../../src/control/throttle.ts";
import { Bans } from "../../src/edge/bans.ts";
import { PurgeLog } from "../../src/edge/purge-log.ts";
import type { PurgeCreate } from "../../src/model/api/mod.ts";
import { network } from "../../src/model/network.ts";
import { openSqliteStore, type Store } from "../../src/store/mod.ts";
import { until } from "../lab/process.ts";

const SITES = [
  { customer: "shop", site: "www.shop.example" },
  { customer: "news", site: "www.news.example" },
] as const;
const PATHS = ["/a", "/b/c", "/b/d"] as const;
const CACHES = ["lon-1", "lon-2"] as const;
const NETWORK = network.parse(Bun.YAML.parse(NETWORK_YAML));
const BY = { kind: "operator", actor: "ops" } as unknown as Parameters<typeof readPurge>[1];
const rng = seededRng(11);
const dir = mkdtempSync(join(tmpdir(), "turnpike-restored-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Stored {
  readonly site: number;
  readonly path: string;
  /** The last purge applied when it was fetched. */
  readonly purge: number;
  /** How many purges had been ordered. */
  readonly ordered: number;
}

/** The purge log of a cache, with what it holds. */
class Node {
  readonly name: string;
  readonly #dir: string;
  readonly #bus: LocalBus;
  readonly #bans: Bans;
  objects: Stored[] = [];
  log: PurgeLog | null = null;

  constructor(name: string, dir: string, bus: LocalBus) {
    [this.name, this.#dir, this.#bus] = [name, dir, bus];
    mkdirSync(dir);
    this.#bans = new Bans(join(dir, "bans.json"), 0);
  }

  async start(): Promise<void> {
    const log = new PurgeLog({
      ...{ node: this.name, path: join(this.#dir, "purged.json"), bus: this.#bus },
      ...{ clock: new FakeClock(), log: silentLog, isKeyKnown: () => true },
      purge: async ({ site, path }) => {
        this.objects = this.objects.filter(
          (one) => SITES[one.site]!.site !== site || one.path !== path,
        );
      },
      ban: (purges) => this.#bans.add(purges),
    });
    this.log = log;
    log.start();
    await until(() => !log.behind, { what: `${this.name} to have caught up`, everyMs: 1 });
  }

  async stop(): Promise<void> {
    const { log } = this;
    this.log = null;
    await log?.stop();
  }

  /** What is held of an object: 2 nothing, 1 what is validated first, 0 as it was. */
  weight(object: Stored): number {
    if (!this.objects.includes(object)) return 2;
    const { site, path, purge } = object;
    const meta = { ...SITES[site]!, path, purge, fields: [["xkey", "tag"]], receivedMs: 1 };
    const said = this.#bans.of(meta as unknown as Parameters<Bans["of"]>[0]);
    return said === "hard" ? 2 : said === "soft" ? 1 : 0;
  }
}

interface Asked {
  readonly site: number;
  readonly what: PurgeCreate;
  /** No cache hears of it until it asks. */
  readonly isLost: boolean;
}

interface Order extends Omit<Asked, "isLost"> {
  readonly number: number;
  /** Its place among all that were ever ordered. */
  readonly at: number;
}

function isOf({ what, site }: Omit<Asked, "isLost">, object: Stored): boolean {
  if (site !== object.site) return false;
  if (what.path !== undefined) return what.path === object.path;
  if (what.prefix !== undefined) return object.path.startsWith(what.prefix);
  return what.tag !== "other";
}

class World {
  readonly #dir: string;
  readonly #bus = new LocalBus();
  readonly #clock = new FakeClock();
  readonly nodes: readonly Node[];
  #store: Store | null = null;
  #deps: Deps | null = null;
  #stopServing = () => {};
  /** Those that the log of now has. */
  #orders: readonly Order[] = [];
  #copies: { readonly path: string; readonly orders: readonly Order[] }[] = [];
  /** What is said now is heard by nobody. */
  #isLost = false;
  #ordered = 0;
  /** How many had been, when control started last: acknowledgements that it did not hear are not said again. */
  #orderedBefore = 0;
  /** What receipts said, ever: an order, by a cache, and what of its objects that was of. */
  readonly #shown = new Map<string, () => void>();

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir);
    this.nodes = CACHES.map((name) => new Node(name, join(dir, name), this.#bus));
  }

  get #path(): string {
    return join(this.#dir, "control.db");
  }

  async start(): Promise<void> {
    this.#orderedBefore = this.#ordered;
    const store = await openSqliteStore(this.#path, rng);
    this.#store = store;
    const nodes = CACHES.map((name) => ({ name, roles: ["edge"] }));
    this.#deps = {
      store: { ...store, intents: { read: async () => ({ network: NETWORK }) } },
      bus: { publish: (...said: Parameters<LocalBus["publish"]>) => this.#publish(...said) },
      ...{ clock: this.#clock, log: silentLog },
      publisher: { latest: () => ({ nodes }) },
    } as unknown as Deps;
    this.#stopServing = servePurges({ ...this.#deps, bus: this.#bus });
  }

  async stop(): Promise<void> {
    this.#stopServing();
    await this.#store?.close();
  }

  async copy(): Promise<void> {
    await this.stop();
    const path = `${this.#path}.${this.#copies.length}`;
    copyFileSync(this.#path, path);
    this.#copies.push({ path, orders: this.#orders });
    await this.start();
  }

  async restore(which: number): Promise<void> {
    const copy = this.#copies[which % Math.max(1, this.#copies.length)];
    await this.stop();
    for (const end of ["", "-wal", "-shm"]) rmSync(`${this.#path}${end}`, { force: true });
    if (copy !== undefined) copyFileSync(copy.path, this.#path);
    this.#orders = copy?.orders ?? [];
    await this.start();
  }

  /** Everything anew. */
  fetch(node: Node): void {
    const purge = node.log?.applied;
    if (purge === undefined) return;
    for (const site of SITES.keys()) {
      for (const path of PATHS) node.objects.push({ site, path, purge, ordered: this.#ordered });
    }
  }

  #publish(...said: Parameters<LocalBus["publish"]>): void {
    if (!this.#isLost) this.#bus.publish(...said);
  }

  async purge(all: readonly Asked[]) {
    const throttle = new Throttle(this.#clock, { perSec: 1, burst: 1_000 });
    for (const { site, what, isLost } of all) {
      this.#isLost = isLost;
      const order = { ...SITES[site]!, what, actor: "ops" };
      const at = ++this.#ordered;
      const { number } = await createPurge(this.#deps!, throttle, order);
      this.#orders = [...this.#orders, { site, what, number, at }];
    }
  }

  /** Until whoever is there has acknowledged all. */
  async settle(): Promise<void> {
    const isDone = async () => {
      const there = this.nodes.filter(({ log }) => log !== null).map(({ name }) => name);
      await this.check();
      for (const { number, at } of this.#orders) {
        if (at <= this.#orderedBefore) continue;
        const { missing } = await readPurge(this.#deps!, BY, number);
        if (missing.some((name) => there.includes(name as (typeof CACHES)[number]))) return false;
      }
      return true;
    };
    for (let turn = 0; turn < 20; turn++) {
      for (let look = 0; look < 5; look++) {
        if (await isDone()) return;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      // They ask each second; here at once.
      for (const node of this.nodes) {
        if (node.log === null) continue;
        await node.stop();
        await node.start();
      }
    }
    throw new Error("Caches that are there did not acknowledge all that was purged");
  }

  async check(): Promise<void> {
    for (const order of this.#orders) {
      const { acks, purge } = await readPurge(this.#deps!, BY, order.number);
      expect(purge.site).toBe(SITES[order.site]!.site);
      for (const { node: name } of acks) {
        const node = this.nodes.find((one) => one.name === name)!;
        const key = `${order.at} ${name}`;
        if (this.#shown.has(key)) continue;
        const own = node.objects.filter((one) => one.ordered < order.at && isOf(order, one));
        const least = order.what.soft === true ? 1 : 2;
        const holds = () => {
          for (const one of own) expect(node.weight(one)).toBeGreaterThanOrEqual(least);
        };
        this.#shown.set(key, holds);
      }
    }
    for (const holds of this.#shown.values()) holds();
  }
}

type Step =
  | {
      readonly kind: "purge";
      readonly all: readonly Asked[];
      readonly settled: boolean;
    }
  | { readonly kind: "fetch" | "turn"; readonly node: number }
  | { readonly kind: "copy" | "restart" }
  | { readonly kind: "restore"; readonly which: number };

const site = fc.nat(SITES.length - 1);
const path = fc.constantFrom(...PATHS);
const node = fc.nat(CACHES.length - 1);
const what: fc.Arbitrary<PurgeCreate> = fc
  .tuple(
    fc.oneof(
      fc.record({ path }),
      fc.constantFrom<PurgeCreate>({ prefix: "/b/" }, { tag: "tag" }, { tag: "other" }),
    ),
    fc.boolean(),
  )
  .map(([of, soft]) => (soft ? { ...of, soft: true } : of));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("purge" as const),
      all: fc.array(fc.record({ site, what, isLost: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      settled: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("fetch" as const), node }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("turn" as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("copy" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("restore" as const), which: fc.nat(3) }),
  },
);

async function play(world: World, one: Step): Promise<void> {
  if (one.kind === "purge") {
    await world.purge(one.all);
    if (one.settled) await world.settle();
  } else if (one.kind === "fetch") world.fetch(world.nodes[one.node]!);
  else if (one.kind === "turn") {
    const cache = world.nodes[one.node]!;
    await (cache.log === null ? cache.start() : cache.stop());
  } else if (one.kind === "copy") await world.copy();
  else if (one.kind === "restore") await world.restore(one.which);
  else {
    await world.stop();
    await world.start();
  }
  await world.check();
}

const RUNS = Number(process.env.TURNPIKE_RESTORED_RUNS ?? 10);

let runs = 0;
test("however logs are lost and restored, caches have done what they acknowledge, and acknowledge all", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25, size: "max" }), async (steps) => {
      const world = new World(join(dir, `${++runs}`));
      await world.start();
      try {
        for (const cache of world.nodes) await cache.start();
        for (const one of steps) await play(world, one);
        for (const cache of world.nodes) if (cache.log === null) await cache.start();
        await world.settle();
      } finally {
        for (const cache of world.nodes) await cache.stop();
        await world.stop();
      }
    }),
    { numRuns: RUNS },
  );
}, 120_000);
