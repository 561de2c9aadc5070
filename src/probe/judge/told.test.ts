import { describe, expect, test } from "bun:test";
import type { NodeFigures, NodeStats } from "../../model/messages.ts";
import { Court, snapshotOf } from "./judge.fixture.ts";

const FIGURES: NodeFigures = {
  cpuBusy: 0.7,
  cpus: 4,
  processCpus: 0.5,
  memoryTotalBytes: 8 * 2 ** 30,
  memoryAvailableBytes: 0.8 * 2 ** 30,
  rssBytes: 1e8,
  connections: 500,
  bytesPerSec: 9e7,
  loopDelayMs: 5,
  hitRatio: 0.9,
};

function stats(court: Court, figures: Partial<NodeFigures> = {}): NodeStats {
  const empty = { lookups: {}, edgeLookups: {}, answers: {}, edge: {}, fetches: {} };
  const head = { node: "e1", atMs: court.now.wallMs, snapshot: 1 };
  return { ...head, ...empty, figures: { ...FIGURES, ...figures } };
}

function courtOf(measure: Record<string, unknown>): Court {
  const e1 = { name: "e1", pop: "fra", roles: ["edge"], addresses: { v4: "192.0.2.9" }, measure };
  return new Court(snapshotOf([], { nodes: [e1] }));
}

describe("what a cache tells of itself", () => {
  test("is its CPU, memory, event loop, and what its most is known of", () => {
    const court = courtOf({ connectionsMax: 1000, bytesPerSecMax: 100_000_000 });
    court.second([{ target: "node/e1" }]);
    court.judge.takeStats(stats(court), court.nowMs);
    const { sources, loadFrom } = court.see("node/e1");
    const byKind = Object.fromEntries(sources.map((one) => [one.kind, one.load]));
    expect(byKind).toEqual({
      network: 0.9,
      cpu: 0.7,
      connections: 0.5,
      memory: 0.5,
      loop: 0.01,
      http: 0,
    });
    expect(loadFrom).toBe("network");
    expect(sources.find((one) => one.kind === "cpu")?.detail).toContain("busy 70 % of 4 CPUs");
  });

  test("gives way to an exporter, kind by kind, and is forgotten when it stops", () => {
    const court = courtOf({ exporter: "http://192.0.2.9:9100/metrics" });
    const loads = [{ kind: "cpu" as const, load: 0.2, detail: "busy 20 % of 4 CPUs" }];
    court.second([{ target: "node/e1", check: "exporter", loads }]);
    court.judge.takeStats(stats(court), court.nowMs);
    const of = (kind: string) => court.see("node/e1").sources.find((one) => one.kind === kind);
    expect(of("cpu")?.load).toBe(0.2);
    expect(of("memory")?.load).toBe(0.5);
    court.nowMs += 5000;
    expect(of("memory")).toBeUndefined();
  });

  test("is not believed when it is no number, and nobody else can tell of a node", () => {
    const court = courtOf({});
    court.judge.takeStats({ ...stats(court), node: "nobody" }, court.nowMs);
    court.judge.takeStats(stats(court, { cpuBusy: Number.NaN, loopDelayMs: -1 }), court.nowMs);
    expect(court.see("node/e1").sources.map((one) => one.kind)).toEqual(["memory"]);
  });
});

describe("what others tell of an origin", () => {
  const site = { hostname: "www.shop.example", origins: [{ name: "a", v4: "198.51.0.1" }] };
  const target = "www.shop.example/a";
  const e1 = { name: "e1", pop: "fra", roles: ["edge"], addresses: { v4: "192.0.2.9" } };
  const courtOfOrigin = () => new Court(snapshotOf([site], { nodes: [e1] }));
  const reported = (load: number) => [{ kind: "reported" as const, load, detail: "x" }];

  test("is what its owner pushed, until its time is over", () => {
    const court = courtOfOrigin();
    court.second([{ target }]);
    const { wallMs: atMs } = court.now;
    court.judge.takeTold({ target, atMs, ttlSec: 30, loads: reported(0.6) }, court.nowMs);
    expect(court.see(target)).toMatchObject({ load: 0.6, loadFrom: "reported" });
    court.seconds(29, [{ target }]);
    expect(court.see(target).load).toBe(0.6);
    court.seconds(2, [{ target }]);
    expect(court.see(target)).toMatchObject({ load: 0, loadFrom: "http" });
  });

  test("is what its responses said at caches of the network, the median of them", () => {
    const court = courtOfOrigin();
    court.second([{ target }]);
    const told = { [target]: reported(0.8) };
    court.judge.takeStats({ ...stats(court), told }, court.nowMs);
    court.judge.takeStats({ ...stats(court), node: "stranger", told }, court.nowMs);
    expect(court.see(target)).toMatchObject({ load: 0.8, loadFrom: "reported" });
    court.seconds(6, [{ target }]);
    expect(court.see(target).loadFrom).toBe("http");
  });

  test("is forgotten when the name is another customer's, also where the address is the same", () => {
    const court = courtOfOrigin();
    court.second([{ target }]);
    const { wallMs: atMs } = court.now;
    court.judge.takeTold({ target, atMs, ttlSec: 3600, loads: reported(0.9) }, court.nowMs);
    expect(court.see(target)).toMatchObject({ state: "up", load: 0.9 });
    court.setSnapshot(snapshotOf([site], { nodes: [e1], number: 2, customer: "bank" }));
    expect(court.see(target)).toMatchObject({ state: "unknown", loadKnown: false, sources: [] });
  });

  test("is not taken from a cache that may have seen it of another server of that name", () => {
    const court = courtOfOrigin();
    const says = (snapshot: number, load: number) => {
      const told = { [target]: reported(load) };
      court.judge.takeStats({ ...stats(court), snapshot, told }, court.nowMs);
      return court.see(target).loadFrom;
    };
    expect(says(1, 0.9)).toBe("reported");
    court.setSnapshot(snapshotOf([site], { nodes: [e1], number: 2, customer: "bank" }));
    // The last second of the snapshot before, and the one in which the cache took the new one.
    expect([says(1, 0.9), says(2, 0.9)]).toEqual([null, null]);
    expect([says(2, 0.3), court.see(target).load]).toEqual(["reported", 0.3]);
  });

  test("comes by ORCA on probe responses, if half the vantages see it", () => {
    const court = courtOfOrigin();
    court.nowMs += 1000;
    court.report("p1", [{ target, loads: reported(0.9) }]);
    court.report("p2", [{ target, loads: reported(0.7) }]);
    expect(court.see(target)).toMatchObject({ load: 0.8, loadFrom: "reported" });
  });

  test("counts the highest where several say the same kind, never something between", () => {
    const court = courtOfOrigin();
    court.second([{ target, loads: reported(0.1) }]);
    court.judge.takeStats({ ...stats(court), told: { [target]: reported(0.95) } }, court.nowMs);
    expect(court.see(target)).toMatchObject({ load: 0.95, loadFrom: "reported" });
    const { wallMs: atMs } = court.now;
    court.judge.takeTold({ target, atMs, ttlSec: 30, loads: reported(1.2) }, court.nowMs);
    expect(court.see(target).load).toBe(1.2);
  });
});
