import type { Intent, Network, Pop } from "../../model/network.ts";
import type { Origin } from "../../model/origin.ts";
import type { Site } from "../../model/site.ts";
import {
  type OriginIndex,
  type SiteIndex,
  SNAPSHOT_SCHEMA,
  type SnapshotBody,
  type SnapshotGroup,
  type SnapshotNode,
  type SnapshotOrigin,
  type SnapshotSite,
  type SnapshotStep,
  type SnapshotZone,
} from "../../model/snapshot.ts";
import { tsigName } from "../../model/zone-extras.ts";
import { compileCheck } from "./check.ts";
import { compileRecords } from "./records.ts";
import { compileChain } from "./steering.ts";

export interface CompileInput {
  readonly intent: Intent;
  /** The number that this snapshot gets: above every one published before. */
  readonly number: number;
  readonly createdAtMs: number;
  /** SHA-256 as 64 lower-case hex digits. */
  readonly sha256: (text: string) => string;
}

/** A site that differs from the one compiled before, at its place in the snapshot. */
export interface ChangedSite {
  readonly index: SiteIndex;
  /** Place of its customer in the network. */
  readonly customer: number;
  readonly site: Site;
}

/** Everything: of a network that has passed `validateNetwork()`. */
export function compileBody(input: CompileInput): SnapshotBody {
  const { network } = input.intent;
  const { sites, origins } = compileSites(input.intent);
  return {
    schema: SNAPSHOT_SCHEMA,
    hashing: 2,
    number: input.number,
    intentVersion: input.intent.version,
    createdAtMs: input.createdAtMs,
    zone: network.zone,
    ...signedBy(network),
    contact: network.contact ?? `hostmaster@${network.zone}`,
    ttlSec: network.ttlSec,
    allowPrivateOrigins: network.allowPrivateOrigins,
    allowOriginRanges: network.allowOriginRanges,
    ports: network.ports,
    ...(network.tiers === undefined ? {} : { tiers: network.tiers }),
    pops: network.pops,
    nodes: compileNodes(network),
    groups: compileGroups(network),
    sites,
    origins,
    zones: network.customers.flatMap((customer) =>
      customer.zones.map(
        (zone): SnapshotZone => ({
          name: zone.name,
          customer: customer.name,
          ...signedBy(zone),
          ...(zone.transfer && {
            transfer: { key: tsigName(zone.transfer.key, customer.name), to: zone.transfer.to },
          }),
          records: compileRecords(zone.records, zone.name),
        }),
      ),
    ),
  };
}

function compileNodes(network: Network): SnapshotNode[] {
  return network.nodes.map((node, index) => ({
    index,
    id: `node/${node.name}`,
    name: node.name,
    pop: network.pops.findIndex((pop) => pop.name === node.pop),
    roles: node.roles,
    ...(node.addresses.v4 === undefined ? {} : { v4: node.addresses.v4 }),
    ...(node.addresses.v6 === undefined ? {} : { v6: node.addresses.v6 }),
    capacity: node.capacity,
    ...forcedOf(node),
    limitMs: node.limitMs,
    ...(node.measure.exporter === undefined ? {} : { exporter: node.measure.exporter }),
    ...(node.measure.ftp === undefined ? {} : { ftp: node.measure.ftp }),
    ...(node.measure.snmp === undefined ? {} : { snmp: node.measure.snmp }),
    ...limitsOf(node.measure),
  }));
}

function forcedOf({ state, until }: Pick<Origin, "state" | "until">) {
  return { forced: state, ...(until === undefined ? {} : { forcedUntilMs: Date.parse(until) }) };
}

function limitsOf({ connectionsMax, bytesPerSecMax }: Network["nodes"][number]["measure"]) {
  return {
    ...(connectionsMax === undefined ? {} : { connectionsMax }),
    ...(bytesPerSecMax === undefined ? {} : { bytesPerSecMax }),
  };
}

function compileGroups(network: Network): SnapshotGroup[] {
  const unknown = network.pops.map(() => null);
  return [
    { index: 0, name: "default", prefixes: [], rttMs: unknown },
    ...network.clientGroups.map((group, i) => ({
      index: i + 1,
      name: group.name,
      prefixes: group.prefixes,
      ...(group.resolver === undefined ? {} : { resolver: group.resolver }),
      rttMs: network.pops.map((pop) => group.rttMs[pop.name] ?? null),
      ...(group.tags === undefined ? {} : { tags: group.tags }),
      ...(group.country === undefined ? {} : { country: group.country }),
      ...placed(group),
    })),
  ];
}

/** The body that was compiled before, with these sites anew: each has as many origins as it had. */
export function recompileBody(
  input: CompileInput,
  before: SnapshotBody,
  changed: readonly ChangedSite[],
): SnapshotBody {
  const { intent, number, createdAtMs } = input;
  const sites = [...before.sites];
  const origins = [...before.origins];
  const pops = popsOf(intent.network);
  for (const { index, customer, site } of changed) {
    const first = sites[index]?.origins[0] ?? 0;
    const { name } = intent.network.customers[customer]!;
    const made = compileOne(intent, site, { index, first, pops, customer: name });
    sites[index] = made.site;
    for (const origin of made.pool) origins[origin.index] = origin;
  }
  return { ...before, number, intentVersion: intent.version, createdAtMs, sites, origins };
}

type Pops = ReadonlyMap<string, Pop & { readonly index: number }>;

function popsOf(network: Network): Pops {
  return new Map(network.pops.map((pop, index) => [pop.name, { ...pop, index }]));
}

function compileSites(intent: Intent): { sites: SnapshotSite[]; origins: SnapshotOrigin[] } {
  const sites: SnapshotSite[] = [];
  const origins: SnapshotOrigin[] = [];
  const pops = popsOf(intent.network);
  for (const { name: customer, sites: own } of intent.network.customers) {
    for (const site of own) {
      const at = { index: sites.length, first: origins.length, pops, customer };
      const made = compileOne(intent, site, at);
      origins.push(...made.pool);
      sites.push(made.site);
    }
  }
  return { sites, origins };
}

function compileOne(
  intent: Intent,
  site: Site,
  at: {
    readonly index: SiteIndex;
    /** Of its first origin. */
    readonly first: OriginIndex;
    readonly pops: Pops;
    readonly customer: string;
  },
): { readonly site: SnapshotSite; readonly pool: readonly SnapshotOrigin[] } {
  const { index, first, pops, customer } = at;
  const port = site.port ?? (site.scheme === "https" ? 443 : 80);
  const chain = compileChain(intent.network, site, first);
  const pool = compilePool(site, { index, port, first, pops });
  const target = intent.targets[site.hostname] ?? "";
  const origins = pool.map((origin) => origin.index);
  return { site: compileSite(site, { index, customer, port, target, pool: origins, chain }), pool };
}

function compilePool(
  site: Site,
  at: {
    index: number;
    port: number;
    first: OriginIndex;
    pops: Pops;
  },
): SnapshotOrigin[] {
  return site.origins.map((origin, i) => ({
    index: at.first + i,
    site: at.index,
    id: `${site.hostname}/${origin.name}`,
    name: origin.name,
    ...(origin.v4 === undefined ? {} : { v4: origin.v4 }),
    ...(origin.v6 === undefined ? {} : { v6: origin.v6 }),
    ...(origin.host === undefined ? {} : { host: origin.host }),
    port: origin.port ?? at.port,
    weight: origin.weight,
    capacity: origin.capacity,
    ...forcedOf(origin),
    ...nearTo(origin, at.pops),
    ...(origin.exporter === undefined ? {} : { exporter: origin.exporter }),
    ...(origin.loadUrl === undefined ? {} : { loadUrl: origin.loadUrl }),
    ...(origin.snmp === undefined ? {} : { snmp: origin.snmp }),
    ...(origin.ftpPort === undefined ? {} : { ftpPort: origin.ftpPort }),
    ...(origin.paths === undefined ? {} : { paths: origin.paths }),
    ...(origin.connectionsMax === undefined ? {} : { connectionsMax: origin.connectionsMax }),
  }));
}

/** Where an origin stands: its own place, or that of the pop it is near. */
function nearTo(origin: Origin, pops: Pops): Pick<SnapshotOrigin, "pop" | "lat" | "lon"> {
  const pop = origin.pop === undefined ? undefined : pops.get(origin.pop);
  const place = origin.lat === undefined ? pop : origin;
  return { ...(pop === undefined ? {} : { pop: pop.index }), ...placed(place ?? {}) };
}

function signedBy(o: { readonly dnssec?: boolean | "ed25519" | undefined }) {
  if (o.dnssec === undefined || o.dnssec === false) return {};
  return { dnssec: o.dnssec === true ? 13 : 15 } as const;
}

function placed(o: { readonly lat?: number | undefined; readonly lon?: number | undefined }) {
  return o.lat === undefined || o.lon === undefined ? {} : { lat: o.lat, lon: o.lon };
}

function compileSite(
  site: Site,
  at: {
    index: number;
    customer: string;
    port: number;
    target: string;
    pool: readonly OriginIndex[];
    chain: readonly SnapshotStep[] | undefined;
  },
): SnapshotSite {
  return {
    index: at.index,
    customer: at.customer,
    hostname: site.hostname,
    target: at.target,
    onboarding: site.onboarding,
    ...signedBy(site),
    front: site.front,
    scheme: site.scheme,
    port: at.port,
    ttlSec: site.ttlSec,
    youngTtlSec: site.youngTtlSec,
    preset: site.steering.preset,
    ...(at.chain === undefined ? {} : { chain: at.chain }),
    margin: site.steering.margin,
    allDown: site.steering.allDown,
    ...(site.steering.fallback === undefined ? {} : { fallback: site.steering.fallback }),
    limitMs: site.limitMs,
    check: compileCheck(site.check),
    ...(site.beacon === true ? { beacon: true } : {}),
    aliases: site.cache.aliases,
    objectBytesMax: site.cache.objectBytesMax,
    ...(site.fetch === undefined ? {} : { fetch: site.fetch }),
    origins: at.pool,
    ...(site.records === undefined ? {} : { records: compileRecords(site.records, site.hostname) }),
    ...(site.rules === undefined || site.rules.length === 0 ? {} : { rules: site.rules }),
    ...(site.logs === undefined ? {} : { logs: site.logs }),
  };
}
