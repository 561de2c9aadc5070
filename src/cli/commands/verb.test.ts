import { expect, test } from "bun:test";
import { Fault } from "../../base/fault.ts";
import type { Explanation } from "../../model/api/mod.ts";
import { explainWords } from "./explain.ts";
import { splitOrigin } from "./find-site.ts";
import { stateWords } from "./state-words.ts";
import { endAt, endOf } from "./until.ts";
import { table } from "./verb.ts";

test("table() aligns columns, says - for nothing, and leaves no blanks at line ends", () => {
  const rows = [
    ["www.shop.example", null],
    ["a", 12],
  ];
  expect(table(["SITE", "LOAD"], rows)).toEqual([
    "SITE              LOAD",
    "www.shop.example  -",
    "a                 12",
  ]);
});

test("table() says in words that there is nothing, where it is told how", () => {
  expect(table(["SITE"], [], "No sites")).toEqual(["No sites"]);
  expect(table(["SITE"], [["a"]], "No sites")).toEqual(["SITE", "a"]);
});

test("splitOrigin() takes <hostname>/<origin> apart and refuses anything else", () => {
  expect(splitOrigin("www.shop.example/a")).toEqual({ hostname: "www.shop.example", name: "a" });
  for (const bad of ["www.shop.example", "/a", "www.shop.example/", "a/b/c", ""]) {
    expect(() => splitOrigin(bad)).toThrow(Fault);
  }
});

test("endAt() takes how long, or a time, and leaves anything else to be refused", () => {
  expect(endAt("90s", 0)).toBe("1970-01-01T00:01:30.000Z");
  expect(endAt("1d", 0)).toBe("1970-01-02T00:00:00.000Z");
  expect(endAt("2026-12-01T18:00:00+01:00", 0)).toBe("2026-12-01T17:00:00.000Z");
  expect(endAt("soon", 0)).toBe("soon");
});

test("endOf() refuses what has ended already, and leaves to the API what is no time", () => {
  expect(endOf({}, 0)).toEqual({});
  expect(endOf({ until: "90s" }, 0)).toEqual({ until: "1970-01-01T00:01:30.000Z" });
  expect(endOf({ until: "soon" }, 0)).toEqual({ until: "soon" });
  for (const until of ["2001-01-01T00:00:00Z", "0s"]) {
    expect(() => endOf({ until }, Date.UTC(2026, 0, 1))).toThrow(Fault);
  }
});

test("stateWords() says what is forced, and until when", () => {
  expect(stateWords({ state: "up", forced: "auto" })).toBe("up");
  expect(stateWords({ state: "up", forced: "up" })).toBe("up (forced up)");
  expect(stateWords({ state: "draining", forced: "drain", forcedUntilMs: 0 })).toBe(
    "draining (forced drain until 1970-01-01T00:00:00.000Z)",
  );
});

test("explainWords() marks the one answered, names its source, and gives every verdict", () => {
  const candidate = {
    id: "www.shop.example/a",
    name: "a",
    v4: "192.0.2.10",
    v6: null,
    state: "up",
    load: 0.25,
    loadKnown: true,
    loadFrom: "cpu",
    projected: 0.3,
    rttMs: null,
    sources: [{ kind: "cpu", load: 0.25, atMs: 0, detail: "busy 25 %" }],
    verdicts: [{ filter: "healthy", kept: true, reason: "healthy", detail: "checks pass" }],
  } as const;
  const choice = { kind: "origin", index: 0, id: candidate.id, v4: "192.0.2.10" } as const;
  const words = explainWords({
    name: "www.shop.example",
    client: "198.51.100.7",
    group: "home",
    scope: "198.51.100.0/24",
    kind: "origins",
    site: "www.shop.example",
    snapshot: 3,
    health: 8,
    assignment: 9,
    answer: { v4: "192.0.2.10", v6: null, ttlSec: 20 },
    decision: {
      choices: [{ ...choice, v6: null, port: 80, weight: 1 }],
      ttlSec: 20,
      allDown: false,
      reasons: [
        { ...candidate, sources: [...candidate.sources], verdicts: [...candidate.verdicts] },
      ],
    },
    records: [],
  } satisfies Explanation);
  expect(words).toEqual([
    "www.shop.example for 198.51.100.7 (group home, scope 198.51.100.0/24)",
    "-> 192.0.2.10  TTL 20   steered: origins",
    "   snapshot 3, health 8, assignment 9",
    "",
    "* www.shop.example/a  192.0.2.10  up  load 0.250 from cpu, projected 0.300",
    "      source cpu: 0.250  busy 25 %",
    "      keep healthy: healthy  checks pass",
  ]);
});
