import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { silentLog } from "../../base/log.ts";
import type { NameResolver } from "../../model/resolver.ts";
import { siteLogs } from "../../model/site-logs.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { AccessEntry } from "../access-log.ts";
import type { OriginClient } from "../hot/origin.ts";
import { LogDelivery } from "./delivery.ts";

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const entry: AccessEntry = {
  ...{ atMs: 0, node: "n", customer: "c", site: "s", client: "192.0.2.1", method: "GET" },
  ...{ host: "h", path: `/${"p".repeat(900)}`, protocol: "http", status: 200, bytes: 1, ms: 1 },
  ...{ cacheStatus: null, agent: null, referer: null },
};

/** Whose a site of that name is: `a.shop` is shop's. */
function customerOf(hostname: string): string {
  return hostname.split(".")[1] ?? "c";
}

function world(bounds: { siteBytesMax?: number; allBytesMax?: number } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "turnpike-logs-"));
  dirs.push(dir);
  const clock = new FakeClock();
  const asked: string[] = [];
  const origins: OriginClient = {
    fetch: async ({ fields }) => {
      asked.push(fields.find(([name]) => name === "turnpike-log-lost")?.[1] ?? "");
      throw new Fault("origin-refused");
    },
    stop: () => {},
  };
  const never = () => Promise.reject(new Error("Nothing is resolved here"));
  const delivery = new LogDelivery({
    ...{ node: "n", dir, clock, log: silentLog, origins, ...bounds },
    resolver: { lookup: never, lookupAt: never },
    refuses: () => null,
    sign: () => null,
    credential: () => null,
  });
  const sites = (...names: string[]) => {
    const logs = siteLogs.parse({ to: "http://127.0.0.1:9/", everySec: 1 });
    const all = names.map((hostname) => ({ hostname, customer: customerOf(hostname), logs }));
    delivery.setSnapshot({ sites: all } as unknown as Snapshot);
  };
  const tick = async () => {
    clock.advance(1_000);
    await delivery.tick();
    await delivery.settled();
  };
  return { delivery, sites, tick, asked, clock };
}

/** So many sites of each customer; `answer` is asked by a site's name. Null: its receiver takes all. */
function many(
  customers: readonly string[],
  sites: number,
  answer: (site: string) => Promise<never> | null = () => null,
) {
  const dir = mkdtempSync(join(tmpdir(), "turnpike-logs-"));
  dirs.push(dir);
  const clock = new FakeClock();
  const asked: string[] = [];
  const taken = { status: 204, fields: [], body: null, contentLength: 0, framed: true };
  const origins: OriginClient = {
    fetch: async ({ hostname }) => {
      asked.push(hostname);
      await answer(hostname);
      return taken;
    },
    stop: () => {},
  };
  const address = { kind: "address", address: "192.0.2.7" } as const;
  const lookup: NameResolver["lookup"] = async (name, type) => ({
    ...{ id: 0, opcode: 0, flags: 0, rcode: 0, questions: [], authorities: [], additionals: [] },
    edns: null,
    answers: type === 1 ? [{ name, type, class: 1, ttlSec: 9, data: address }] : [],
  });
  const never = () => Promise.reject(new Error("Nobody is asked at an address here"));
  const delivery = new LogDelivery({
    ...{ node: "n", dir, clock, log: silentLog, origins, resolver: { lookup, lookupAt: never } },
    ...{ refuses: () => null, sign: () => null, credential: () => null },
  });
  const all = customers.flatMap((customer) =>
    Array.from({ length: sites }, (_, i) => {
      const hostname = `${customer}-${i}`;
      return {
        hostname,
        customer,
        logs: siteLogs.parse({ to: `http://${hostname}/`, everySec: 1 }),
      };
    }),
  );
  delivery.setSnapshot({ sites: all } as unknown as Snapshot);
  const tick = async (settles = true) => {
    clock.advance(1_000);
    await delivery.tick();
    if (settles) await delivery.settled();
  };
  const take = (of: readonly string[] = customers) => {
    for (const { hostname, customer } of all) {
      if (of.includes(customer)) delivery.take(hostname, { ...entry, customer });
    }
  };
  return { delivery, names: all.map(({ hostname }) => hostname), take, tick, asked };
}

/** Waits for a condition, five seconds at most. */
async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!holds() && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 2));
  expect(holds()).toBe(true);
}

describe("LogDelivery", () => {
  test("a receiver that refuses is asked less and less often", async () => {
    const { delivery, sites, tick, asked } = world();
    sites("a");
    delivery.take("a", entry);
    const at: number[] = [];
    for (let second = 1; second <= 40; second++) {
      const before = asked.length;
      await tick();
      if (asked.length > before) at.push(second);
    }
    const gaps = at.slice(1).map((second, i) => second - at[i]!);
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
    expect(asked.length).toBeLessThanOrEqual(7);
    expect(delivery.told().a).toMatchObject({ deliveredLines: 0, lostLines: 0 });
  });

  test("one site's log has its bound, and loses its oldest lines first", async () => {
    const { delivery, sites, tick } = world({ siteBytesMax: 5_000 });
    sites("a", "b");
    delivery.take("b", entry);
    for (let i = 0; i < 20; i++) {
      delivery.take("a", entry);
      await tick();
    }
    const { a, b } = delivery.told();
    expect(a!.waitingBytes).toBeLessThanOrEqual(5_000);
    expect(a!.lostLines).toBeGreaterThan(10);
    expect(b!.lostLines).toBe(0);
  });

  test("all together have a bound, and whoever leaves the most gives way", async () => {
    const { delivery, sites, tick } = world({ allBytesMax: 8_000 });
    sites("a", "b");
    for (let i = 0; i < 12; i++) {
      delivery.take("a", entry);
      if (i % 6 === 0) delivery.take("b", entry);
      await tick();
    }
    const { a, b } = delivery.told();
    expect(a!.waitingBytes + b!.waitingBytes).toBeLessThanOrEqual(8_000);
    expect(b!.lostLines).toBe(0);
    expect(a!.lostLines).toBeGreaterThan(0);
  });

  test("who leaves logs of many sites gives way before who leaves one site's", async () => {
    const { delivery, sites, tick } = world({ allBytesMax: 8_000 });
    const noisy = Array.from({ length: 6 }, (_, i) => `s${i}.noisy`);
    sites("a.shop", ...noisy);
    for (const site of ["a.shop", "a.shop", "a.shop", ...noisy, ...noisy]) {
      delivery.take(site, { ...entry, customer: customerOf(site) });
    }
    await tick();
    const told = delivery.told();
    expect(told["a.shop"]!.lostLines).toBe(0);
    expect(told["a.shop"]!.waitingBytes).toBeGreaterThan(3_000);
    const left = Object.values(told).reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
    expect(left).toBeLessThanOrEqual(8_000);
  });

  test("every site's log is sent, however many there are", async () => {
    const { delivery, names, take, tick } = many(["c"], 30);
    for (let i = 0; i < 3; i++) take();
    for (let i = 0; i < 2; i++) await tick();
    const told = delivery.told();
    expect(names.map((name) => told[name]!.deliveredLines)).toEqual(names.map(() => 3));
  });

  test("receivers that take for ever hold up no other customer's log", async () => {
    const { promise: forEver } = Promise.withResolvers<never>();
    const slow = ["slow-a", "slow-b", "slow-c"];
    const { delivery, names, take, tick, asked } = many([...slow, "good"], 40, (name) =>
      name.startsWith("good") ? null : forEver,
    );
    const good = names.filter((name) => name.startsWith("good"));
    for (let i = 1; i <= 3; i++) {
      take();
      for (let ticks = 0; ticks < 2; ticks++) await tick(false);
      const lines = () => good.map((name) => delivery.told()[name]!.deliveredLines);
      await until(() => lines().every((count) => count === i));
    }
    const open = slow.map((name) => asked.filter((host) => host.startsWith(name)).length);
    expect(Math.max(...open)).toBeLessThanOrEqual(4);
  });

  test("whoever waits for a receiver's turn comes before those who have some under way", async () => {
    const waiting: ((fault: Fault) => void)[] = [];
    const slow = Array.from({ length: 8 }, (_, i) => `slow-${i}`);
    const { delivery, take, tick, asked } = many([...slow, "good"], 10, (name) => {
      const { promise, reject } = Promise.withResolvers<never>();
      if (!name.startsWith("good")) waiting.push(reject);
      return name.startsWith("good") ? null : promise;
    });
    take(slow);
    for (let ticks = 0; ticks < 2; ticks++) await tick(false);
    await until(() => waiting.length === 8);
    take(["good"]);
    for (let ticks = 0; ticks < 2; ticks++) await tick(false);
    expect(asked.length).toBe(8);
    waiting[0]!(new Fault("origin-timeout"));
    await until(() => delivery.told()["good-0"]?.deliveredLines === 1);
  });

  test("what was asked of another customer, who had the name before, is not delivered", async () => {
    const { delivery, sites, tick } = world();
    sites("a");
    delivery.take("a", { ...entry, customer: "before" });
    await tick();
    expect(delivery.told().a?.waitingBytes).toBe(0);
    delivery.take("a", entry);
    await tick();
    expect(delivery.told().a?.waitingBytes).toBeGreaterThan(0);
  });

  test("what waits for a site that wants it no more is given up", async () => {
    const { delivery, sites, tick } = world();
    sites("a");
    delivery.take("a", entry);
    await tick();
    sites();
    expect(delivery.any).toBe(false);
    await tick();
    sites("a");
    expect(delivery.told().a!.waitingBytes).toBe(0);
  });
});
