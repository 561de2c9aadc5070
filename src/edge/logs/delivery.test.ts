import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { silentLog } from "../../base/log.ts";
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
    const all = names.map((hostname) => ({ hostname, customer: "c", logs }));
    delivery.setSnapshot({ sites: all } as unknown as Snapshot);
  };
  const tick = async () => {
    clock.advance(1_000);
    await delivery.tick();
    await delivery.settled();
  };
  return { delivery, sites, tick, asked, clock };
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
