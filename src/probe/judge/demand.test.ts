import { describe, expect, test } from "bun:test";
import type { NodeStats } from "../../model/messages.ts";
import { DemandMeter } from "./demand.ts";
import { origins, snapshotOf } from "./judge.fixture.ts";

const HOST = "www0.shop.example";

function stats(node: string, count: number, host = HOST, group = "berlin"): NodeStats {
  return {
    node,
    atMs: 0,
    snapshot: 1,
    lookups: { [host]: { [group]: count } },
    edgeLookups: { [group]: count },
    answers: {},
    edge: {},
    fetches: {},
  };
}

function meter(): DemandMeter {
  const made = new DemandMeter();
  made.setSnapshot(snapshotOf([{ origins: origins(1) }]));
  return made;
}

describe("DemandMeter", () => {
  test("comes to the lookups per second of all name servers together", () => {
    const demand = meter();
    for (let sec = 1; sec <= 40; sec++) {
      demand.take(stats("n1", 30));
      demand.take(stats("n2", 10));
      demand.demand(sec * 1000);
    }
    const { sites, edges } = demand.demand(40_000);
    expect(sites[HOST]?.berlin).toBeCloseTo(40, 0);
    expect(edges.berlin).toBeCloseTo(40, 0);
  });

  test("being asked often changes nothing", () => {
    const often = meter();
    const seldom = meter();
    for (let sec = 1; sec <= 10; sec++) {
      for (const one of [often, seldom]) one.take(stats("n1", 10));
      for (let i = 0; i < 5; i++) often.demand(sec * 1000 + i);
      seldom.demand(sec * 1000);
    }
    expect(often.demand(10_004)).toEqual(seldom.demand(10_004));
  });

  test("fades to nothing and forgets", () => {
    const demand = meter();
    demand.take(stats("n1", 100));
    for (let sec = 1; sec <= 120; sec++) demand.demand(sec * 1000);
    expect(demand.demand(121_000)).toEqual({ sites: {}, edges: {} });
  });

  test("names that the snapshot does not know take no memory", () => {
    const demand = meter();
    for (let i = 0; i < 100; i++) demand.take(stats("n1", 5, `x${i}.example`, `g${i}`));
    demand.take(stats("n1", Number.NaN));
    expect(demand.demand(1000)).toEqual({ sites: {}, edges: {} });
  });
});
