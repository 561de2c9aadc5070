import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { healthOf, SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { NO_ASSIGNMENT, NO_DEMAND } from "../../model/assignment.ts";
import type { Choice } from "../../model/decision.ts";
import { NO_HEALTH } from "../../model/health.ts";
import { network } from "../../model/network.ts";
import type { SnapshotStep } from "../../model/snapshot.ts";
import { validateNetwork } from "../snapshot/mod.ts";
import { assign } from "./assign.ts";
import type { Standing } from "./candidate.ts";
import { runChain, sharesOf } from "./chain.ts";
import { distanceKm } from "./distance.ts";
import { filterContract, GROUP, standing } from "./filter.contract.ts";
import { pick } from "./pick.ts";
import { steer } from "./steer.ts";
import { clientSeed } from "./sticky.ts";

const MINE = GROUP.index;
const rule = (groups: number[], origins: number[]) => ({ groups, origins });

describe("contract", () => {
  filterContract({ filter: "lowest-load" });
  filterContract({ filter: "nearest-unloaded" });
  filterContract({ filter: "latency" });
  filterContract({ filter: "latency", bandMs: 20 });
  filterContract({ filter: "geographic", bias: [[1, 50]] });
  filterContract({ filter: "weighted" });
  filterContract({ filter: "failover", order: [2, 0] });
  filterContract({ filter: "sticky" });
  filterContract({ filter: "shed", target: 0.7, limit: 1 });
  filterContract({ filter: "first", n: 2 });
  filterContract({ filter: "map", rules: [rule([MINE], [1, 0])], strict: false });
  filterContract(
    { filter: "map", rules: [rule([MINE], [7])], strict: true },
    { empties: "a strict rule rather answers with nothing" },
  );
  filterContract(
    { filter: "allowed", rules: [rule([MINE], [1]), rule([], [0])] },
    { empties: "who may not serve is not used because the others are down" },
  );
});

function run(left: Standing[], ...steps: SnapshotStep[]): string {
  const kept = runChain(steps, left, { group: GROUP, assigned: undefined });
  return kept.map((s) => s.name).join("");
}

function reasons(left: readonly Standing[]): (string | undefined)[] {
  return left.map((s) => s.verdicts.at(-1)?.reason);
}

test("allowed() drops an origin that only rules for others name, and keeps those no rule names", () => {
  const left = [standing(0), standing(1), standing(2)];
  const rules = [rule([MINE + 1], [0, 1]), rule([MINE], [1])];
  expect(run(left, { filter: "allowed", rules })).toBe("bc");
  expect(reasons(left)).toEqual(["not-allowed", "allowed", "allowed"]);
});

test("map() keeps the first rule's origins in its order, and all when none of them is left", () => {
  const left = () => [standing(0), standing(1), standing(2)];
  const map = (rules: ReturnType<typeof rule>[], strict = false): SnapshotStep => {
    return { filter: "map", rules, strict };
  };
  expect(run(left(), map([rule([MINE], [2, 0]), rule([MINE], [1])]))).toBe("ca");
  expect(run(left(), map([rule([MINE + 1], [2])]))).toBe("abc");
  expect(run(left(), map([rule([MINE], [7])]))).toBe("abc");
  expect(run(left(), map([rule([MINE], [7])], true))).toBe("");
});

test("latency() orders by round trip and drops what lies beyond the band", () => {
  const left = () => [30, 10, 24, null].map((rttMs, i) => standing(i, { rttMs }));
  expect(run(left(), { filter: "latency" })).toBe("bcad");
  expect(run(left(), { filter: "latency", bandMs: 15 })).toBe("bc");
});

test("geographic() takes the nearest, moved by bias; servers without a place come last", () => {
  const place = (lat: number, lon: number) => ({ place: { lat, lon } });
  const left = () => [
    standing(0, place(40.7, -74)),
    standing(1, place(48.9, 2.4)),
    standing(2),
    standing(3, place(55.7, 12.6)),
  ];
  expect(run(left(), { filter: "geographic", bias: [] })).toBe("dbac");
  expect(run(left(), { filter: "geographic", bias: [[1, 70]] })).toBe("bdac");
  expect(run(left(), { filter: "geographic", bias: [[3, -70]] })).toBe("bdac");
  expect(distanceKm({ lat: 52.5, lon: 13.4 }, { lat: 40.7, lon: -74 })).toBeCloseTo(6388, -2);
});

test("failover() follows its list, then the order of the file", () => {
  const left = () => [standing(3), standing(1), standing(0), standing(2)];
  expect(run(left(), { filter: "failover", order: [2, 1] })).toBe("cbad");
  expect(run(left(), { filter: "failover", order: [] })).toBe("abcd");
});

test("shed() gives up a share that grows from target to limit, to the next choice", () => {
  const at = (...loads: number[]) => loads.map((load, i) => standing(i, { load }));
  const shares = (left: Standing[]) => {
    const steps: SnapshotStep[] = [
      { filter: "failover", order: [] },
      { filter: "shed", target: 0.6, limit: 1 },
    ];
    return sharesOf(runChain(steps, left, { group: GROUP, assigned: undefined }));
  };
  expect(shares(at(0.5, 0.1))).toEqual([1, 0]);
  expect(shares(at(0.7, 0.1))[0]).toBeCloseTo(0.75, 9);
  expect(shares(at(0.9, 0.8, 0.1))).toEqual([0.25, 0.375, 0.375].map((n) => expect.closeTo(n, 9)));
  expect(shares(at(1, 0.1))).toEqual([1]);
  expect(shares(at(1.2, 1.1))).toEqual([1, 0]);
  let before = 1;
  for (let load = 0.5; load < 1; load += 0.01) {
    const share = shares(at(load, 0.1))[0]!;
    expect(share).toBeLessThanOrEqual(before);
    expect(before - share).toBeLessThan(0.03);
    before = share;
  }
});

test("first() keeps n of the order so far", () => {
  const left = [3, 1, 2].map((load, i) => standing(i, { load }));
  expect(run(left, { filter: "lowest-load" }, { filter: "first", n: 2 })).toBe("bc");
});

test("weighted() makes a server's weight its share of the draws", () => {
  const left = [standing(0, { weight: 3 }), standing(1, { weight: 1 })];
  const kept = runChain([{ filter: "weighted" }], left, { group: GROUP, assigned: undefined });
  expect(sharesOf(kept)).toEqual([3, 1]);
});

function sticking(weights: readonly number[]): Choice[] {
  const left = weights.map((weight, i) => standing(i, { weight }));
  const kept = runChain([{ filter: "sticky" }], left, { group: GROUP, assigned: undefined });
  const shares = sharesOf(kept);
  return kept.map((s, i) => {
    const { index, id, stick } = s;
    const rest = { v4: null, v6: null, port: 80, weight: shares[i]!, stick: stick! };
    return { kind: "origin", index, id, ...rest };
  });
}

function client(n: number): number {
  return clientSeed(new Uint8Array([10, n >> 8, n & 255, 9]), 0, { family: 4, bits: 32 });
}

test("sticky() moves only the clients of a server that goes, and spreads them by weight", () => {
  const all = sticking([1, 2, 1]);
  const counts = new Map<string, number>();
  const moved = new Map<string, number>();
  for (let n = 0; n < 20_000; n++) {
    const before = pick(all, client(n))!.id;
    counts.set(before, (counts.get(before) ?? 0) + 1);
    const rest = all.filter((c) => c.id !== "site/b");
    const after = pick(rest, client(n))!.id;
    if (before !== "site/b") expect(after).toBe(before);
    else moved.set(after, (moved.get(after) ?? 0) + 1);
  }
  expect(counts.get("site/b")! / 20_000).toBeCloseTo(0.5, 1);
  expect(moved.get("site/a")! / counts.get("site/b")!).toBeCloseTo(0.5, 1);
});

test("clientSeed() is that of the /24 or /48, however much of the address is known", () => {
  const seed = (address: number[], bits: number) => {
    const family = address.length === 4 ? 4 : 6;
    return clientSeed(Uint8Array.from(address), 0, { family, bits });
  };
  expect(seed([198, 51, 100, 7], 32)).toBe(seed([198, 51, 100, 200], 24));
  expect(seed([198, 51, 100, 7], 32)).not.toBe(seed([198, 51, 101, 7], 32));
  expect(seed([198, 51, 99, 0], 23)).toBe(seed([198, 51, 98, 0], 23));
  const six = [0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1];
  expect(seed(six, 128)).toBe(seed([...six.slice(0, 6), ...Array(10).fill(9)], 48));
});

function siteWith(steering: Record<string, unknown>, origins?: object[]) {
  const file = structuredClone(SMALL);
  const site = file.customers[0]!.sites[0]! as Record<string, unknown>;
  site.steering = steering;
  if (origins !== undefined) site.origins = origins;
  const groups = file.clientGroups as Record<string, unknown>[];
  groups[0]!.tags = ["eu"];
  Object.assign(groups[0]!, { lat: 52.5, lon: 13.4 });
  return file;
}

const PLACED = [
  { name: "eu-1", v4: "192.0.2.11", pop: "fra" },
  { name: "us-1", v4: "192.0.2.12", pop: "nyc", lat: 40.7, lon: -74 },
];
const ask = { for: "origins", site: 0 } as const;

test("a map by autonomous system leads the clients of that system to its origins", () => {
  const file = siteWith(
    { chain: [{ filter: "map", rules: [{ as: [64500], to: ["us-1"] }] }, { filter: "failover" }] },
    PLACED,
  );
  (file.clientGroups as Record<string, unknown>[])[0]!.as = 64500;
  const view = { snapshot: snapshotOf(file), health: NO_HEALTH, assignment: NO_ASSIGNMENT };
  const first = (group: number) => steer(view, ask, { group }).choices[0]?.id;
  expect(first(1)).toBe("www.shop.example/us-1");
  expect(first(2)).toBe("www.shop.example/eu-1");
});

test("a chain in a network file decides and explains, step by step", () => {
  const rules = [{ tags: ["eu"], to: ["eu-1"] }];
  const chain = [{ filter: "allowed", rules }, { filter: "latency" }];
  const snapshot = snapshotOf(siteWith({ chain }, PLACED));
  const view = { snapshot, health: NO_HEALTH, assignment: NO_ASSIGNMENT };
  const berlin = steer(view, ask, { group: 1 });
  expect(berlin.choices.map((c) => c.id)).toEqual([
    "www.shop.example/eu-1",
    "www.shop.example/us-1",
  ]);
  const boston = steer(view, ask, { group: 2 });
  expect(boston.choices.map((c) => c.id)).toEqual(["www.shop.example/us-1"]);
  const dropped = boston.reasons.find((r) => r.name === "eu-1");
  expect(dropped?.verdicts.at(-1)).toMatchObject({ filter: "allowed", reason: "not-allowed" });
});

test("the all-down choice never names a server that the client is not allowed", () => {
  const rules = [{ tags: ["eu"], to: ["eu-1"] }];
  const snapshot = snapshotOf(siteWith({ chain: [{ filter: "allowed", rules }] }, PLACED));
  const down = { state: "down" as const };
  const health = healthOf({ "www.shop.example/us-1": down, "www.shop.example/eu-1": { load: 0 } });
  const boston = steer({ snapshot, health, assignment: NO_ASSIGNMENT }, ask, { group: 2 });
  expect(boston.allDown).toBe(true);
  expect(boston.choices.map((c) => c.id)).toEqual(["www.shop.example/us-1"]);
});

test("on a miss, steps that depend on the client are left out and the lowest load decides", () => {
  for (const preset of ["geographic", "latency", "sticky", "nearest-unloaded"]) {
    const snapshot = snapshotOf(siteWith({ preset }, PLACED));
    const health = healthOf({
      "www.shop.example/eu-1": { load: 0.7 },
      "www.shop.example/us-1": { load: 0.2 },
    });
    const view = { snapshot, health, assignment: NO_ASSIGNMENT };
    const miss = steer(view, { ...ask, use: "miss" }, { group: 1 });
    expect(miss.choices[0]?.id).toBe("www.shop.example/us-1");
  }
});

test("assign() gives a group only servers that the steps before lowest-load keep for it", () => {
  const rules = [{ groups: ["berlin"], to: ["eu-1"] }];
  const chain = [{ filter: "map", rules }, { filter: "lowest-load" }];
  const snapshot = snapshotOf(siteWith({ margin: 0, chain }, PLACED));
  const health = healthOf({
    "www.shop.example/eu-1": { load: 0.9 },
    "www.shop.example/us-1": { load: 0.1 },
  });
  const rest = { demand: NO_DEMAND, previous: NO_ASSIGNMENT, atMs: 0 };
  const assignment = assign({ snapshot, health, ...rest });
  expect(assignment.origins["www.shop.example"]).toMatchObject({
    berlin: "www.shop.example/eu-1",
    boston: "www.shop.example/us-1",
  });
});

test("validateNetwork() reports every name of a chain that is not there, with its path", () => {
  const chain = [
    { filter: "failover", order: ["a", "ghost"] },
    { filter: "geographic", bias: { ghost: 5 } },
    { filter: "shed", target: 0.9, limit: 0.8 },
    { filter: "map", rules: [{ to: ["ghost"], groups: ["nobody"] }, { to: ["a"] }] },
    {
      filter: "allowed",
      rules: [{ to: ["a"], tags: ["us"], as: [64511], prefixes: ["10.0.0.0/8"] }],
    },
  ];
  const file = network.parse(siteWith({ chain }));
  const at = "customers.0.sites.0.steering.chain";
  expect(validateNetwork(file).map((p) => p.path)).toEqual(
    [
      "0.order.1",
      "1.bias.ghost",
      "2.limit",
      "3.rules.0.to.0",
      "3.rules.0.groups.0",
      "3.rules.1",
      "4.rules.0.tags.0",
      "4.rules.0.as.0",
      "4.rules.0.prefixes.0",
    ].map((path) => `${at}.${path}`),
  );
});

test("a step that does not exist, or with a key of another, is a problem with its path", () => {
  const chain = [{ filter: "fastest" }, { filter: "first", n: 0 }, { filter: "sticky", n: 1 }];
  const parsed = network.safeParse(siteWith({ chain }));
  const paths = parsed.error?.issues.map((issue) => issue.path.slice(5).join("."));
  expect(paths).toEqual(["chain.0.filter", "chain.1.n", "chain.2"]);
});

test("pick() by a random seed keeps to the shares of any weights", () => {
  const weight = fc.integer({ min: 0, max: 10 });
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 2, maxLength: 5 }),
      fc.boolean(),
      (weights, sticks) => {
        const total = weights.reduce((a, b) => a + b, 0);
        fc.pre(total > 0);
        const choices = sticking(weights).map((c) => (sticks ? c : { ...c, stick: undefined }));
        const counts = weights.map(() => 0);
        const draws = 4000;
        for (let n = 0; n < draws; n++) {
          const seed = sticks ? client(n * 7) : (n * 2654435761) >>> 0;
          counts[pick(choices as Choice[], seed)!.index]! += 1;
        }
        for (const [i, count] of counts.entries()) {
          expect(Math.abs(count / draws - weights[i]! / total)).toBeLessThan(0.05);
        }
      },
    ),
    { numRuns: 30 },
  );
});
