import { expect, test } from "bun:test";
import type { SnapshotGroup } from "../../model/snapshot.ts";
import { type GroupPlace, timesByPlace } from "./by-place.ts";

const pops = [
  { name: "fra", lat: 50.1, lon: 8.7 },
  { name: "nyc", lat: 40.7, lon: -74 },
  { name: "sin" },
];
const group = (name: string, rttMs: (number | null)[] = [null, null, null]): SnapshotGroup => {
  return { index: 1, name, prefixes: [], rttMs };
};
const BERLIN = { as: 64_500, country: "DE", lat: 52.5, lon: 13.4 };

test("timesByPlace() takes the AS first, then the country, then the distance", () => {
  const measured = {
    a: { fra: 20 },
    b: { fra: 30, nyc: 100 },
    c: { fra: 40 },
    d: { sin: 200 },
  };
  const places = new Map<string, GroupPlace>([
    ["a", { as: 64_500, country: "DE" }],
    ["b", { as: 64_501, country: "DE" }],
    ["c", { as: 64_500, country: "DE" }],
    ["d", { country: "SG" }],
    ["berlin", BERLIN],
    ["potsdam", { country: "DE", lat: 52.4, lon: 13.1 }],
    ["rome", { country: "IT", lat: 41.9, lon: 12.5 }],
  ]);
  const groups = ["berlin", "potsdam", "rome", "unknown"].map((name) => group(name));
  const { rttMs, rttFrom } = timesByPlace({ groups, pops }, measured, places);
  expect(rttFrom.berlin).toEqual({
    fra: { from: "as", samples: 2 },
    nyc: { from: "country", samples: 1 },
  });
  expect(rttMs.berlin).toEqual({ fra: 30, nyc: 100 });
  expect(rttFrom.potsdam).toMatchObject({ fra: { from: "country", samples: 3 } });
  expect(rttMs.potsdam?.fra).toBe(30);
  expect(rttFrom.rome).toEqual({ fra: { from: "distance" }, nyc: { from: "distance" } });
  expect(rttMs.rome?.fra).toBeLessThan(rttMs.rome?.nyc ?? 0);
  expect(rttMs.unknown).toBeUndefined();
});

test("timesByPlace() fills neither what was measured nor what the network file says", () => {
  const places = new Map([["berlin", BERLIN]]);
  const groups = [group("berlin", [null, 90, null])];
  const table = timesByPlace({ groups, pops }, { berlin: { fra: 7 } }, places);
  expect(table).toEqual({ rttMs: {}, rttFrom: {} });
});

test("timesByPlace() keeps the nearest pops of each group, and its table bounded", () => {
  const many = Array.from({ length: 50 }, (_, i) => ({ name: `p${i}`, lat: i, lon: i }));
  const groups = Array.from({ length: 10_000 }, (_, i) => {
    return { ...group(`g${i}`), rttMs: many.map(() => null) };
  });
  const places = new Map(groups.map(({ name }) => [name, { lat: 0, lon: 0 }]));
  const { rttMs } = timesByPlace({ groups, pops: many }, {}, places);
  expect(Object.keys(rttMs.g0 ?? {})).toEqual(["p0", "p1", "p2", "p3", "p4", "p5"]);
  const entries = Object.values(rttMs).reduce((sum, row) => sum + Object.keys(row).length, 0);
  expect(entries).toBeLessThanOrEqual(20_006);
});
