import type { SiteIndex, Snapshot, SnapshotRecord, SnapshotSite } from "../../model/snapshot.ts";
import { hasShelves, type SteerAsk, shelfOf } from "../steering/mod.ts";
import { nameServerSet, nodeServerName } from "./name-servers.ts";
import { TARGETS, within } from "./validate.ts";

export interface ZoneEntry {
  /** Lower case, without the final dot. Its SOA and NS stand at this name. */
  readonly name: string;
  readonly kind: "network" | "delegated" | "hosted";
  /** Its answers are to be signed. */
  readonly dnssec?: true;
  /** Names of its name servers, answered where the customer gave no others. */
  readonly servers: readonly string[];
}

export type Steered =
  | { readonly for: "origins"; readonly site: SiteIndex }
  /** `site` is null at `c.<zone>`, which is for all sites. */
  | { readonly for: "edges"; readonly site: SiteIndex | null; readonly shelf?: number };

/** What a steered name asks `steer()` for. */
export function askOfSteered(steered: Steered): SteerAsk {
  if (steered.for === "origins") return { for: "origins", site: steered.site };
  return { for: "edges", ...(steered.shelf === undefined ? {} : { shelf: steered.shelf }) };
}

export interface NameEntry {
  /** Index into `zones`. */
  readonly zone: number;
  /** Addresses at this name are decided per client. */
  readonly steered: Steered | null;
  /** Plain records at this name. An empty non-terminal has none (RFC 4592 2.2.2). */
  readonly records: readonly SnapshotRecord[];
  /** NS records below a zone's apex: a delegation away from us. */
  readonly delegated: boolean;
}

export interface NameServer {
  readonly name: string;
  readonly v4: string | null;
  readonly v6: string | null;
}

/** Every name that we are authoritative for. Keys: lower case, without the final dot. */
export interface NameTable {
  readonly zones: readonly ZoneEntry[];
  readonly names: ReadonlyMap<string, NameEntry>;
  readonly nameServers: readonly NameServer[];
}

interface Draft {
  zone: number;
  steered: Steered | null;
  records: SnapshotRecord[];
  delegated: boolean;
}

/** Builds the table of names that lookups and explain share. */
export function compileNames(snapshot: Snapshot): NameTable {
  const sets = new ServerSets(snapshot);
  const zones: ZoneEntry[] = [
    { name: snapshot.zone, kind: "network", servers: sets.own, ...signed(snapshot) },
  ];
  for (const zone of snapshot.zones) {
    const servers = sets.of(zone.customer);
    zones.push({ name: zone.name, kind: "hosted", servers, ...signed(zone) });
  }
  const hosted = new Set(snapshot.zones.map((zone) => zone.name));
  for (const site of snapshot.sites) {
    if (site.onboarding === "delegation" && !hosted.has(site.hostname)) {
      const servers = sets.of(site.customer);
      zones.push({ name: site.hostname, kind: "delegated", servers, ...signed(site) });
    }
  }
  const names = new Map<string, Draft>();
  const at = (name: string, zone: number): Draft => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const draft: Draft = { zone, steered: null, records: [], delegated: false };
    names.set(name, draft);
    return draft;
  };
  for (const [index, zone] of zones.entries()) at(zone.name, index);
  const nameServers = addNameServers(snapshot, sets, at);
  at(`c.${snapshot.zone}`, 0).steered = { for: "edges", site: null };
  if (snapshot.sites.some((site) => site.beacon === true)) addMeasured(snapshot, at);
  const zoneAt = new Map(zones.map((zone, index) => [zone.name, index]));
  const to = { zoneAt, at, shelved: hasShelves(snapshot) };
  for (const site of snapshot.sites) addSite(snapshot, site, to);
  for (const record of snapshot.ownRecords ?? []) {
    addRecord(record, { index: 0, name: snapshot.zone }, to);
  }
  for (const [z, { name, records }] of snapshot.zones.entries()) {
    for (const record of records) addRecord(record, { index: z + 1, name }, to);
  }
  for (const { hostname: name, records } of snapshot.sites) {
    const index = to.zoneAt.get(name) ?? -1;
    if (zones[index]?.kind !== "delegated") continue;
    for (const record of records ?? []) addRecord(record, { index, name }, to);
  }
  addEmptyNonTerminals(names, zones, to.zoneAt);
  return { zones, names, nameServers };
}

function signed(o: { readonly dnssec?: 13 | 15 }): { readonly dnssec?: true } {
  return o.dnssec === undefined ? {} : { dnssec: true };
}

type At = (name: string, zone: number) => Draft;
interface To {
  /** Zones by name. */
  readonly zoneAt: ReadonlyMap<string, number>;
  readonly at: At;
  /** Whether sites' own cache names stand on shelves. */
  readonly shelved: boolean;
}

function addRecord(record: SnapshotRecord, zone: { index: number; name: string }, to: To): void {
  const { name, type } = record;
  const answering = zoneOf(name, to.zoneAt);
  if (type === "DS" && to.zoneAt.has(name)) {
    // A zone's DS is of the zone above it (RFC 4035 2.4), and stands at the name with all else.
    const above = zoneOf(name.slice(name.indexOf(".") + 1), to.zoneAt);
    if (above === zone.index) to.at(name, answering).records.push(record);
    return;
  }
  // A zone of its own below this one answers for its names, its own NS among them.
  if (answering !== zone.index) return;
  const entry = to.at(name, zone.index);
  entry.records.push(record);
  if (record.type === "NS" && record.name !== zone.name) entry.delegated = true;
}

/** The network's own name servers, and those of each customer that has a zone here. */
class ServerSets {
  readonly own: readonly string[];
  readonly #nodes: readonly string[];
  readonly #zone: string;
  readonly #sets = new Map<string, readonly string[]>();
  /** By name, every name server and the node that answers to it. */
  readonly nodeOf = new Map<string, string>();

  constructor(snapshot: Snapshot) {
    this.#zone = snapshot.zone;
    const nodes = snapshot.nodes.filter((node) => node.roles.includes("dns"));
    this.#nodes = nodes.map((node) => node.name);
    this.own = this.#nodes.map((node) => {
      const name = nodeServerName(node, snapshot.zone);
      this.nodeOf.set(name, node);
      return name;
    });
  }

  of(customer: string): readonly string[] {
    const known = this.#sets.get(customer);
    if (known !== undefined) return known;
    const set = nameServerSet(customer, this.#nodes, this.#zone);
    for (const { name, node } of set) this.nodeOf.set(name, node);
    const names = set.map(({ name }) => name);
    this.#sets.set(customer, names);
    return names;
  }
}

/** `rtt-<node>.<zone>`: what browsers measure, each cache by itself. */
function addMeasured(snapshot: Snapshot, at: At): void {
  for (const node of snapshot.nodes) {
    if (!node.roles.includes("edge")) continue;
    const name = `rtt-${node.name}.${snapshot.zone}`;
    const { records } = at(name, 0);
    if (node.v4 !== undefined) records.push({ name, type: "A", ttlSec: 300, values: [node.v4] });
    if (node.v6 !== undefined) records.push({ name, type: "AAAA", ttlSec: 300, values: [node.v6] });
  }
}

function addNameServers(snapshot: Snapshot, sets: ServerSets, at: At): NameServer[] {
  const nodes = new Map(snapshot.nodes.map((node) => [node.name, node]));
  return [...sets.nodeOf].map(([name, of]) => {
    const node = nodes.get(of);
    const entry = at(name, 0);
    const ttlSec = 3600;
    for (const [type, value] of [
      ["A", node?.v4],
      ["AAAA", node?.v6],
    ] as const) {
      if (value !== undefined) entry.records.push({ name, type, ttlSec, values: [value] });
    }
    return { name, v4: node?.v4 ?? null, v6: node?.v6 ?? null };
  });
}

function addSite(snapshot: Snapshot, site: SnapshotSite, to: To): void {
  const shelf = to.shelved ? { shelf: shelfOf(site.hostname) } : {};
  const edges: Steered = { for: "edges", site: site.index, ...shelf };
  const first: Steered = site.front === "caches" ? edges : { for: "origins", site: site.index };
  to.at(`${site.target}.${TARGETS}.${snapshot.zone}`, 0).steered = first;
  // In a snapshot of before such were refused: it could be the target of another site.
  if (!within(site.hostname, TARGETS)) {
    to.at(`${site.hostname}.${snapshot.zone}`, 0).steered = edges;
  }
  if (site.onboarding === "delegation" || site.onboarding === "hosted") {
    const zone = zoneOf(site.hostname, to.zoneAt);
    if (zone > 0) to.at(site.hostname, zone).steered = first;
  }
}

/** The zone with the longest name that holds this name; -1 if none does. */
function zoneOf(name: string, zones: ReadonlyMap<string, number>): number {
  for (let at = 0; ; ) {
    const zone = zones.get(name.slice(at));
    if (zone !== undefined) return zone;
    const dot = name.indexOf(".", at);
    if (dot < 0) return -1;
    at = dot + 1;
  }
}

function addEmptyNonTerminals(
  names: Map<string, Draft>,
  zones: readonly ZoneEntry[],
  zoneAt: To["zoneAt"],
): void {
  for (const [name, entry] of [...names]) {
    // Between a zone's own name and a zone of ours above it, names are of the one above.
    const above = name.slice(name.indexOf(".") + 1);
    const zone = zones[entry.zone]?.name === name ? zoneOf(above, zoneAt) : entry.zone;
    const apex = zones[zone]?.name;
    let rest = name;
    while (apex !== undefined && rest !== apex && rest.length > apex.length) {
      rest = rest.slice(rest.indexOf(".") + 1);
      if (names.has(rest)) continue;
      names.set(rest, { zone, steered: null, records: [], delegated: false });
    }
  }
}
