// What is explained is what was served: lookups written down by a name server, from random names,
// clients, snapshots and health histories, are explained again by the numbers they carry.
// TURNPIKE_EXPLAINED sets how many.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { Explainer } from "../../src/control/explain.ts";
import { Responder } from "../../src/dns/hot/answer.ts";
import type { Sample } from "../../src/dns/hot/sampler.ts";
import { compileWorld, targetOf, WORLD } from "../../src/dns/hot/world.fixture.ts";
import { PLAIN, type QueryLogEntry } from "../../src/dns/mod.ts";
import { entryOf } from "../../src/dns/query-log.ts";
import { type Assignment, NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../../src/model/health.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { assign, chainOf } from "../../src/policy/steering/mod.ts";
import { encodeMessage, makeQuery, TYPE } from "../../src/wire/dns/mod.ts";
import { clearHostBits, parseAddress } from "../../src/wire/ip/mod.ts";

const COUNT = Number(process.env.TURNPIKE_EXPLAINED ?? 4000);
/** Lookups between two changes of health. */
const PER_HEALTH = 100;
/** Ticks of health between two snapshots. */
const HEALTHS = 4;
const PRESETS = ["lowest-load", "nearest-unloaded", "weighted", "failover", "sticky"] as const;
const OUT = new Uint8Array(65_535);

interface Moment {
  readonly snapshot: Snapshot;
  readonly health: Health;
  readonly assignment: Assignment;
}

test(`${COUNT} lookups written down are explained as they were answered`, () => {
  const rng = seededRng(20261122);
  const to = new Responder(5, { ...PLAIN, sampleEach: 1 });
  const moments = new Map<string, Moment>();
  const seen: Record<string, number> = {};
  let explained = 0;
  let assignment = NO_ASSIGNMENT;
  for (let tick = 1; explained < COUNT; tick++) {
    const renewed = tick % HEALTHS === 1;
    const number = Math.ceil(tick / HEALTHS);
    const before = [...moments.values()].at(-1);
    const snapshot = renewed || before === undefined ? randomWorld(rng, number) : before.snapshot;
    if (renewed) to.load(snapshot);
    const health = randomHealth(snapshot, tick, rng);
    const demand = { sites: {}, edges: {} };
    assignment = assign({ snapshot, health, demand, previous: assignment, atMs: tick * 1000 });
    to.observe(health, assignment);
    // Only the last moments are kept; what was written down is explained at each one's end.
    moments.clear();
    moments.set(`${snapshot.number} ${health.number} ${assignment.number}`, {
      snapshot,
      health,
      assignment,
    });
    for (let i = 0; i < PER_HEALTH; i++) askRandom(to, snapshot, rng);
    expect(to.failures).toBe(0);
    to.drain();
    for (const sample of to.takeSamples()) {
      const kind = explainAgain(sample, moments);
      seen[kind] = (seen[kind] ?? 0) + 1;
      explained += 1;
    }
  }
  for (const kind of ["only", "drawn", "sticky", "all down", "no data", "records"]) {
    expect(seen[kind] ?? 0).toBeGreaterThan(0);
  }
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence !== undefined) {
    writeFileSync(evidence, JSON.stringify({ explained, equal: explained, byKind: seen }));
  }
}, 1_200_000);

/** A second cache in one pop: then sites' own cache names stand on shelves. */
const NEIGHBOUR = { name: "a2", pop: "oslo", roles: ["edge"], addresses: { v4: "127.1.0.2" } };

/** The fixture's network with other presets, weights, margins and caches each time. */
function randomWorld(rng: Rng, number: number): Snapshot {
  const file = structuredClone(WORLD) as typeof WORLD;
  if (rng.float() < 0.5) (file.nodes as unknown[]).push(NEIGHBOUR);
  for (const customer of file.customers) {
    for (const site of customer.sites as Record<string, unknown>[]) {
      if (site.front === "caches") continue;
      const preset = PRESETS[Math.floor(rng.float() * PRESETS.length)]!;
      site.steering = { preset, margin: rng.float() < 0.5 ? 0 : 0.05 };
      const origins = Array.from({ length: 1 + Math.floor(rng.float() * 5) }, (_, i) => ({
        name: `o${i}`,
        v4: `192.0.2.${10 + i}`,
        ...(rng.float() < 0.5 ? { v6: `2001:db8::${10 + i}` } : {}),
        weight: Math.floor(rng.float() * 4),
      }));
      site.origins = origins;
    }
  }
  return compileWorld(file, number);
}

function randomHealth(snapshot: Snapshot, number: number, rng: Rng): Health {
  const bad = rng.float() < 0.1 ? 0.95 : 0.2;
  const target = (id: string): TargetHealth => ({
    id,
    state: rng.float() < bad ? (rng.float() < 0.8 ? "down" : "draining") : "up",
    sinceMs: 0,
    young: rng.float() < 0.1,
    v4Up: rng.float() < 0.95,
    v6Up: rng.float() < 0.9,
    load: rng.float() * 1.2,
    loadKnown: rng.float() < 0.9,
    loadFrom: "cpu",
    sources: [],
    views: [],
  });
  const ids = [...snapshot.origins, ...snapshot.nodes].map((one) => one.id);
  // Some are not measured yet.
  const known = ids.filter(() => rng.float() < 0.97);
  const rtt = () => ({ oslo: rng.float() * 80, rome: rng.float() * 80 });
  return {
    ...NO_HEALTH,
    number,
    snapshot: snapshot.number,
    targets: Object.fromEntries(known.map((id) => [id, target(id)])),
    rttMs: rng.float() < 0.5 ? {} : { north: rtt(), south: rtt(), loop: rtt() },
  };
}

const NAMES = [
  "www.shop.example",
  `${targetOf("img.shop.example")}.gtm.cdn.example`,
  "www.hosted.example",
  "first.hosted.example",
  "www.blog.example",
  "c.cdn.example",
  "www.shop.example.cdn.example",
  "mail.hosted.example",
];

function askRandom(to: Responder, snapshot: Snapshot, rng: Rng): void {
  const name = NAMES[Math.floor(rng.float() * NAMES.length)]!;
  const type = rng.float() < 0.6 ? TYPE.A : TYPE.AAAA;
  const seed = makeQuery(1, name, type);
  const clientSubnet = rng.float() < 0.4 ? randomSubnet(rng) : null;
  const bytes = encodeMessage({ ...seed, edns: { ...seed.edns!, clientSubnet } }, 512)!;
  const address = randomAddress(rng);
  const family = address.length === 4 ? 4 : 6;
  const stream = rng.float() < 0.1;
  to.tick(snapshot.number * 1000);
  to.answer({ bytes, length: bytes.length, address, addressAt: 0, family, stream }, OUT);
}

function randomAddress(rng: Rng): Uint8Array {
  const bases = [
    "198.51.100.0",
    "203.0.113.0",
    "127.0.0.0",
    "9.9.0.0",
    "2001:db8:1::",
    "2001:db8:9::",
  ];
  const address = parseAddress(bases[Math.floor(rng.float() * bases.length)]!)!;
  address[address.length - 1] = Math.floor(rng.float() * 256);
  return address;
}

function randomSubnet(rng: Rng) {
  const address = randomAddress(rng);
  const family: 4 | 6 = address.length === 4 ? 4 : 6;
  const most = family === 4 ? 32 : 128;
  const sourceBits = rng.float() < 0.1 ? 0 : Math.floor(most / 2 + rng.float() * (most / 2));
  clearHostBits(address, sourceBits);
  return { family, address, sourceBits, scopeBits: 0 };
}

const explainers = new WeakMap<Moment, Explainer>();

/** Fails where explain says something else than was answered; returns what kind of answer it was. */
function explainAgain(sample: Sample, moments: ReadonlyMap<string, Moment>): string {
  const moment = moments.get(`${sample.snapshot} ${sample.health} ${sample.assignment}`)!;
  const entry = entryOf(sample, "a", moment.snapshot)!;
  const explainer = explainers.get(moment) ?? new Explainer(feedOf(moment));
  explainers.set(moment, explainer);
  // A CNAME within our zones leads to the name that is decided.
  const name = entry.name === "first.hosted.example" ? "www.hosted.example" : entry.name;
  const told = explainer.explain({ name, client: entry.client, use: "answer", customer: null });
  expect([told.group, told.snapshot, told.health, told.assignment]).toEqual([
    entry.group,
    entry.snapshot,
    entry.health,
    entry.assignment,
  ]);
  return compare(entry, told, moment);
}

function compare(
  entry: QueryLogEntry,
  told: ReturnType<Explainer["explain"]>,
  moment: Moment,
): string {
  const family = entry.type === "A" ? "v4" : "v6";
  const served = entry.answer.filter((one) => !one.endsWith(".example"));
  if (told.decision === null) {
    if (served.length > 0) expect(served).toContain(told.answer[family]!);
    return "records";
  }
  const { allDown, choices } = told.decision;
  const able = choices.filter((choice) => choice[family] !== null);
  if (allDown && served.length > 1) {
    expect(new Set(served)).toEqual(new Set(able.map((choice) => choice[family]!)));
    return "all down";
  }
  const one = told.answer[family];
  if (one === null) {
    expect(served).toEqual([]);
    return "no data";
  }
  const site =
    told.site === null ? undefined : moment.snapshot.sites.find((s) => s.hostname === told.site);
  const sticky = site !== undefined && JSON.stringify(chainOf(site)).includes("sticky");
  // The server that explain draws for the family is the one that was answered, unless it is a draw
  // by chance: then it is one of those that can be drawn.
  const drawn = able.filter((choice) => choice.weight > 0).length > 1;
  if (!drawn || sticky) expect(served).toEqual([one]);
  else expect(able.filter((c) => c.weight > 0).map((c) => c[family]!)).toContain(served[0]!);
  return sticky ? "sticky" : drawn ? "drawn" : "only";
}

function feedOf(moment: Moment) {
  return {
    snapshot: () => moment.snapshot,
    health: () => moment.health,
    assignment: () => moment.assignment,
    onSnapshot: () => () => {},
    onHealth: () => () => {},
  };
}
