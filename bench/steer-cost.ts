// What steering costs, and how that grows: a decision and a site assigned anew by the number of sites,
// all caches' client groups assigned anew and what remembers them by the number of client groups.
import { type Assignment, NO_ASSIGNMENT } from "../src/model/assignment.ts";
import { NO_HEALTH } from "../src/model/health.ts";
import { assign, steer } from "../src/policy/steering/mod.ts";
import { median } from "./result.ts";
import { compiled, targetAt } from "./steer-world.ts";

const SITES = [10, 1000, 100_000] as const;
const GROUPS = [100, 1000, 10_000] as const;
const POPS = 50;

export interface SiteCost {
  readonly sites: number;
  /** As a name server asks, and as explain does. */
  readonly decisionUs: number;
  readonly explainedUs: number;
  readonly assignUsPerSite: number;
}

export interface GroupCost {
  readonly groups: number;
  readonly decisionUs: number;
  readonly assignUsPerGroup: number;
  /** As it is sent, and as it lies in memory. */
  readonly bytesSent: number;
  readonly bytesHeld: number;
}

/** Exponents of growth over the three sizes: 0 is the same at any, 1 in proportion. */
export interface CostResult {
  readonly bySites: readonly SiteCost[];
  readonly byGroups: readonly GroupCost[];
  readonly exponents: Readonly<Record<string, number>>;
}

export function costs(log: (line: string) => void): CostResult {
  const bySites = SITES.map((sites) => {
    log(`cost at ${sites} sites`);
    return siteCost(sites);
  });
  const byGroups = GROUPS.map((groups) => {
    log(`cost at ${groups} client groups`);
    return groupCost(groups);
  });
  const sites = (of: (row: SiteCost) => number) => exponent(SITES, bySites.map(of));
  const groups = (of: (row: GroupCost) => number) => exponent(GROUPS, byGroups.map(of));
  const exponents = {
    "a decision, by sites": sites((r) => r.decisionUs),
    "all sites assigned, by sites": sites((r) => r.assignUsPerSite * r.sites),
    "a decision among caches, by client groups": groups((r) => r.decisionUs),
    "all groups assigned, by client groups": groups((r) => r.assignUsPerGroup * r.groups),
    "memory, by client groups": groups((r) => r.bytesHeld * r.groups),
  };
  return { bySites, byGroups, exponents };
}

function exponent(sizes: readonly number[], values: readonly number[]): number {
  const ratio = (values.at(-1) ?? 1) / Math.max(values[0] ?? 1, 1e-9);
  return Math.log(ratio) / Math.log(sizes.at(-1)! / sizes[0]!);
}

/** A network of so many sites of three origins. */
function siteCost(sites: number): SiteCost {
  const hostnames = Array.from({ length: sites }, (_, i) => `www.site-${i}.example`);
  const targets = Object.fromEntries(
    hostnames.map((h, i) => [h, i.toString(16).padStart(32, "0")]),
  );
  const names = ["a", "b", "c"];
  const file = {
    zone: "cdn.example",
    allowPrivateOrigins: true,
    clientGroups: names.map((name, i) => ({ name, prefixes: [`11.${i}.0.0/16`] })),
    pops: [{ name: "p" }],
    nodes: [{ name: "n", pop: "p", roles: ["edge"], addresses: { v4: "10.0.0.1" } }],
    plans: [{ name: "flat", title: "Flat", currency: "EUR", kind: "fixed", monthly: "1.00" }],
    customers: [
      {
        name: "all",
        plan: "flat",
        sites: hostnames.map((hostname) => ({
          hostname,
          origins: names.map((name, o) => ({ name, v4: `10.0.0.${o + 1}` })),
        })),
      },
    ],
  };
  const snapshot = compiled(file, targets);
  const loads = snapshot.origins.map(({ id, index }) => [id, targetAt(id, (index % 7) / 10)]);
  const health = { ...NO_HEALTH, targets: Object.fromEntries(loads) };
  const empty = { sites: {}, edges: {} };
  let assignment: Assignment = NO_ASSIGNMENT;
  const times = timesOf(Math.max(3, Math.min(200, Math.ceil(20_000 / sites))), () => {
    assignment = assign({ snapshot, health, demand: empty, previous: assignment, atMs: 0 });
  });
  const view = { snapshot, health, assignment };
  const decide = (brief: boolean) =>
    usEach(200_000, (i) => {
      const ask = { for: "origins", site: (i * 7919) % sites } as const;
      steer(view, ask, { group: i & 3, family: 4, brief });
    });
  const assignUsPerSite = (median(times) * 1000) / sites;
  return { sites, decisionUs: decide(true), explainedUs: decide(false), assignUsPerSite };
}

/** So many client groups, and a cache in each of 50 pops. */
function groupCost(groups: number): GroupCost {
  const rtt = (g: number, p: number) => 5 + ((g * 131 + p * 977) % 2000) / 10;
  const pops = Array.from({ length: POPS }, (_, p) => `p${p}`);
  const file = {
    zone: "cdn.example",
    pops: pops.map((name) => ({ name })),
    nodes: pops.map((pop, p) => ({
      name: `n${p}`,
      pop,
      roles: ["edge"],
      addresses: { v4: `10.0.0.${p + 1}` },
      capacity: (groups / POPS / 0.6) * (0.5 + (p % 11) / 10),
    })),
    clientGroups: Array.from({ length: groups }, (_, g) => ({
      name: `g${g}`,
      prefixes: [`11.${g >> 8}.${g & 255}.0/24`],
      rttMs: Object.fromEntries(pops.map((name, p) => [name, rtt(g, p)])),
    })),
  };
  const snapshot = compiled(file, {});
  const edges = Object.fromEntries(snapshot.groups.map(({ name }) => [name, 1]));
  const loads = snapshot.nodes.map(({ id, index }) => [id, targetAt(id, (index % 7) / 10)]);
  const health = { ...NO_HEALTH, targets: Object.fromEntries(loads) };
  let assignment: Assignment = NO_ASSIGNMENT;
  const times = timesOf(groups > 1000 ? 10 : 30, () => {
    const demand = { sites: {}, edges };
    assignment = assign({ snapshot, health, demand, previous: assignment, atMs: 0 });
  });
  const view = { snapshot, health, assignment };
  const decisionUs = usEach(10_000, (i) => {
    steer(view, { for: "edges" }, { group: (i * 7919) % groups, family: 4, brief: true });
  });
  const bytesSent = JSON.stringify(assignment).length / groups;
  return {
    groups,
    decisionUs,
    assignUsPerGroup: (median(times) * 1000) / groups,
    bytesSent: Math.round(bytesSent),
    bytesHeld: Math.round(bytesOf(assignment) / groups),
  };
}

/** Memory of the heap that one more of it takes, by many copies as the bus makes them. */
function bytesOf(assignment: Assignment): number {
  const text = JSON.stringify(assignment);
  const copies = Math.max(10, Math.ceil(20_000_000 / text.length));
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  const held = Array.from({ length: copies }, () => JSON.parse(text) as Assignment);
  Bun.gc(true);
  const bytes = (process.memoryUsage().heapUsed - before) / copies;
  return held.length === copies ? bytes : 0;
}

/** Ms of processor time of each round: others on the machine do not count. */
function timesOf(rounds: number, act: () => void): number[] {
  return Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
}

function usEach(times: number, act: (i: number) => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) act(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

export function formatCosts(r: CostResult): string[] {
  return [
    "  sites   us per decision   with every reason   us per site assigned anew",
    ...r.bySites.map((c) =>
      [
        String(c.sites).padStart(7),
        c.decisionUs.toFixed(2).padStart(17),
        c.explainedUs.toFixed(2).padStart(19),
        c.assignUsPerSite.toFixed(2).padStart(27),
      ].join(" "),
    ),
    "",
    `client groups (${POPS} caches)   us per decision   us per group assigned anew   bytes sent   held`,
    ...r.byGroups.map((c) =>
      [
        String(c.groups).padStart(25),
        c.decisionUs.toFixed(2).padStart(17),
        c.assignUsPerGroup.toFixed(2).padStart(28),
        String(c.bytesSent).padStart(12),
        String(c.bytesHeld).padStart(6),
      ].join(" "),
    ),
    "",
    ...Object.entries(r.exponents).map(([what, e]) => `growth of ${what}: ^${e.toFixed(2)}`),
  ];
}
