/**
 * Intent compiled: immutable, numbered, hashed. Names are turned into indexes into the arrays
 * here, so hot code looks up and never searches. JSON all the way: it travels and is stored as is.
 */
import type { NodeRole, Pop } from "./network.ts";
import type { ForcedState, SnmpAgent } from "./origin.ts";
import type { Rule } from "./rules.ts";
import type { SiteFetch } from "./site-fetch.ts";
import type { SiteLogs } from "./site-logs.ts";
import type { SteeringPreset, SteeringStep } from "./steering.ts";
import type { Tiers } from "./tiers.ts";

/** Raised when an older reader could not read the shape. */
export const SNAPSHOT_SCHEMA = 1;

export type SiteIndex = number;
export type OriginIndex = number;
export type NodeIndex = number;
export type GroupIndex = number;
export type PopIndex = number;

export interface SnapshotSite {
  readonly index: SiteIndex;
  /** The customer's name; part of every cache key. */
  readonly customer: string;
  readonly hostname: string;
  /** 32 hex digits: `<target>.gtm.<zone>` is this site's CNAME target. */
  readonly target: string;
  readonly onboarding: "delegation" | "cname" | "hosted";
  /** The zone of a delegated hostname is signed, by this algorithm: P-256 or Ed25519. */
  readonly dnssec?: 13 | 15;
  readonly front: "servers" | "caches";
  readonly scheme: "http" | "https";
  readonly port: number;
  readonly ttlSec: number;
  readonly youngTtlSec: number;
  readonly preset: SteeringPreset;
  /** In place of the preset. */
  readonly chain?: readonly SnapshotStep[];
  readonly margin: number;
  readonly allDown: "all" | "none";
  readonly fallback?: string;
  readonly limitMs: number;
  readonly check: SnapshotCheck;
  readonly aliases: readonly string[];
  readonly objectBytesMax: number;
  readonly fetch?: SiteFetch;
  readonly origins: readonly OriginIndex[];
  /** Its pages may report how far the caches are. */
  readonly beacon?: true;
  /** Other records at a delegated hostname and below it. */
  readonly records?: readonly SnapshotRecord[];
  /** What caches do with requests, in order. */
  readonly rules?: readonly Rule[];
  /** Where caches send what they logged of it. */
  readonly logs?: SiteLogs;
}

/** A rule of a step with its clients and origins found. */
export interface SnapshotRule {
  readonly groups: readonly GroupIndex[];
  readonly origins: readonly OriginIndex[];
}

/** A step of a chain as filters read it. */
export type SnapshotStep =
  | Exclude<SteeringStep, { filter: "allowed" | "map" | "failover" | "geographic" }>
  | { readonly filter: "allowed"; readonly rules: readonly SnapshotRule[] }
  | {
      readonly filter: "map";
      readonly rules: readonly SnapshotRule[];
      readonly strict: boolean;
    }
  | { readonly filter: "failover"; readonly order: readonly OriginIndex[] }
  | {
      readonly filter: "geographic";
      /** Percent by origin. */
      readonly bias: readonly (readonly [OriginIndex, number])[];
    };

export interface SnapshotCheck {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly fall: number;
  readonly rise: number;
  readonly http: SnapshotHttpCheck | null;
  readonly tcp: boolean;
  readonly ftp: { readonly user: string; readonly password: string; readonly path?: string } | null;
  readonly tls?: { readonly port?: number; readonly serverName?: string };
  readonly dns?: SnapshotDnsCheck;
  readonly icmp?: boolean;
  /** Warn when a certificate ends within so many days. */
  readonly certificateDays?: number;
}

export interface SnapshotHttpCheck {
  readonly path: string;
  readonly statusMin: number;
  readonly statusMax: number;
  /** In place of the range. */
  readonly statuses?: readonly number[];
  readonly method?: "GET" | "HEAD";
  readonly version?: 1 | 2;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the site's hostname. */
  readonly host?: string;
  readonly bodyHas?: string;
}

export interface SnapshotDnsCheck {
  readonly name: string;
  readonly type: "A" | "AAAA" | "NS" | "SOA" | "TXT" | "CNAME";
  readonly port: number;
  /** An address or name that must be among the answers. */
  readonly expect?: string;
}

export interface SnapshotOrigin {
  readonly index: OriginIndex;
  readonly site: SiteIndex;
  /** `<hostname>/<origin name>`: the id of this target in Health. */
  readonly id: string;
  readonly name: string;
  readonly v4?: string;
  readonly v6?: string;
  /** The name that its addresses come from. */
  readonly host?: string;
  readonly port: number;
  readonly weight: number;
  readonly capacity: number;
  readonly forced: ForcedState;
  /** When that ends, ms since 1970: `forcedAt()`. */
  readonly forcedUntilMs?: number;
  /** The pop it stands near. */
  readonly pop?: PopIndex;
  /** Degrees; its pop's where it has none of its own. */
  readonly lat?: number;
  readonly lon?: number;
  readonly exporter?: string;
  readonly loadUrl?: string;
  readonly snmp?: SnmpAgent;
  readonly ftpPort?: number;
  /** Path prefixes that it holds; all where it does not say. */
  readonly paths?: readonly string[];
  /** Exchanges that each cache may have with it at once. */
  readonly connectionsMax?: number;
}

export interface SnapshotNode {
  readonly index: NodeIndex;
  /** `node/<name>`: the id of this target in Health. */
  readonly id: string;
  readonly name: string;
  readonly pop: PopIndex;
  readonly roles: readonly NodeRole[];
  readonly v4?: string;
  readonly v6?: string;
  readonly capacity: number;
  readonly forced: ForcedState;
  /** When that ends, ms since 1970: `forcedAt()`. */
  readonly forcedUntilMs?: number;
  readonly limitMs: number;
  readonly exporter?: string;
  /** `host:port` */
  readonly ftp?: string;
  readonly snmp?: SnmpAgent;
  readonly connectionsMax?: number;
  readonly bytesPerSecMax?: number;
}

/** Group 0 is `default`: every client that no prefix of another group covers. */
export interface SnapshotGroup {
  readonly index: GroupIndex;
  readonly name: string;
  readonly prefixes: readonly string[];
  /** `host:port` */
  readonly resolver?: string;
  /** By PopIndex; null where unknown. */
  readonly rttMs: readonly (number | null)[];
  readonly tags?: readonly string[];
  /** ISO 3166-1, two capital letters. */
  readonly country?: string;
  /** Degrees. */
  readonly lat?: number;
  readonly lon?: number;
}

/** A plain resource record set of a zone; `name` is absolute, without the final dot. */
export interface SnapshotRecord {
  readonly name: string;
  /** A mnemonic, or `TYPE123` (RFC 3597). */
  readonly type: string;
  readonly ttlSec: number;
  readonly values: readonly string[];
}

export interface SnapshotZone {
  readonly name: string;
  readonly customer: string;
  /** Its answers are signed, by this algorithm. */
  readonly dnssec?: 13 | 15;
  /** Who may fetch it whole: the key's name in DNS, and `host:port` of secondaries. */
  readonly transfer?: { readonly key: string; readonly to: readonly string[] };
  readonly records: readonly SnapshotRecord[];
}

export interface SnapshotBody {
  readonly schema: typeof SNAPSHOT_SCHEMA;
  /** How `hash` is made: 2 by parts (policy/snapshot/hash.ts); absent over the whole, as it once was. */
  readonly hashing?: 2;
  /** Goes up by one with each publish, never down; also the zones' SOA serial. */
  readonly number: number;
  readonly intentVersion: number;
  readonly createdAtMs: number;
  readonly zone: string;
  /** The network's own zone is signed, by this algorithm. */
  readonly dnssec?: 13 | 15;
  readonly contact: string;
  readonly ttlSec: number;
  readonly allowPrivateOrigins: boolean;
  readonly allowOriginRanges: readonly string[];
  readonly ports: { readonly dns: number; readonly http: number; readonly https: number };
  readonly tiers?: Tiers;
  readonly pops: readonly Pop[];
  readonly nodes: readonly SnapshotNode[];
  readonly groups: readonly SnapshotGroup[];
  readonly sites: readonly SnapshotSite[];
  readonly origins: readonly SnapshotOrigin[];
  readonly zones: readonly SnapshotZone[];
}

export interface Snapshot extends SnapshotBody {
  /** SHA-256, 64 hex digits, of the body: as `hashing` says. */
  readonly hash: string;
  /** Of the network's own zone, laid on by name servers for a moment: published in none. */
  readonly ownRecords?: readonly SnapshotRecord[];
}
