/** Every word that travels on the bus: subject -> shape. */
import type { AcmeTokenSet } from "./acme.ts";
import type { Assignment } from "./assignment.ts";
import type { CertificateIndex } from "./certificate.ts";
import type { ChangedTold } from "./changed.ts";
import type { Health, LoadSourceKind } from "./health.ts";
import type { TailAsk, TailTold } from "./log-tail.ts";
import type { Purge, PurgeAck, PurgeAsk, PurgePlace, PurgeTold } from "./purge.ts";
import type { SealedWord, SecretRequests } from "./secrets.ts";
import type { LogsTold } from "./site-logs.ts";
import type { Snapshot } from "./snapshot.ts";
import type { UsageBatch } from "./usage.ts";
import type { WhyAsk, WhyTold } from "./why.ts";
import type { WhyNotCounts } from "./why-not.ts";
import type { ChallengeStep } from "./zone-extras.ts";

/** One check's outcome, as a vantage saw it. */
export interface CheckReport {
  /** Target id. */
  readonly target: string;
  readonly check: "http" | "tcp" | "ftp" | "tls" | "dns" | "icmp" | "exporter" | "load" | "snmp";
  readonly family: 4 | 6;
  readonly ok: boolean;
  /** A short reason such as `refused`, `timeout`, `status 503`; "" when ok. Never body text. */
  readonly failure: string;
  readonly atMs: number;
  /** Ms since the start; null where the check did not get so far. */
  readonly resolveMs?: number | null;
  readonly connectMs: number | null;
  /** The end of the TLS handshake. */
  readonly tlsMs?: number | null;
  readonly firstByteMs: number | null;
  readonly totalMs: number | null;
  /** Whole days until the server's certificate ends; below 0 when it has. */
  readonly certificateDays?: number;
  /** A few words of the vantage's own on how it checked. */
  readonly note?: string;
  /** What the server says of itself: load on the common scale by kind, already computed. */
  readonly loads?: readonly {
    readonly kind: LoadSourceKind;
    readonly load: number;
    readonly detail: string;
  }[];
}

export interface ProbeReport {
  readonly vantage: string;
  readonly pop: string;
  readonly atMs: number;
  readonly snapshot: number;
  readonly checks: readonly CheckReport[];
  /** Latency from this vantage to client groups: name -> last RTT in ms. */
  readonly rttMs: Readonly<Record<string, number>>;
}

/** One load that somebody else than a probe tells of a target, on the common scale. */
export interface ToldLoad {
  readonly kind: LoadSourceKind;
  readonly load: number;
  readonly detail: string;
}

/** What the owner of a server pushed through the API. */
export interface LoadTold {
  /** Target id. */
  readonly target: string;
  readonly atMs: number;
  /** How long it counts. */
  readonly ttlSec: number;
  readonly loads: readonly ToldLoad[];
}

/** Round trips of one group's clients at one cache, as its kernel measured them. */
export interface ClientRtt {
  readonly rttMs: number;
  /** Connections, and networks (/24, /48) they come from. */
  readonly samples: number;
  readonly networks: number;
}

/** What one cache saw of one origin in the last second. */
export interface OriginSeen {
  /** Fetches that ended, and how many of them failed: no answer, or a status of 500 or more. */
  readonly asked: number;
  readonly failed: number;
  /** Answers whose time until their head is known, and the first quartile of these times, ms. */
  readonly timed: number;
  readonly quarterMs: number | null;
  /** Exchanges open now, of so many. */
  readonly open: number;
  readonly openMax: number;
}

/** What a cache says of itself; null where this machine does not tell. */
export interface NodeFigures {
  /** Share of all processors of the machine that was busy, 0 to 1. */
  readonly cpuBusy: number | null;
  readonly cpus: number;
  /** Processors that this process kept busy: 1 is one whole processor. */
  readonly processCpus: number;
  readonly memoryTotalBytes: number | null;
  readonly memoryAvailableBytes: number | null;
  /** Resident memory of this process. */
  readonly rssBytes: number;
  /** Established client connections. */
  readonly connections: number | null;
  /** Body bytes sent to clients per second. */
  readonly bytesPerSec: number;
  /** How late timers ran: the 95th percentile of the last second, ms. */
  readonly loopDelayMs: number;
  /** Hits of all requests, 0 to 1; null when there were none. */
  readonly hitRatio: number | null;
}

export interface Hedged {
  readonly asked: number;
  readonly won: number;
}

/** Live figures of one node, each second, for pages and demand. Counts since the last one. */
export interface NodeStats {
  readonly node: string;
  readonly atMs: number;
  readonly snapshot: number;
  /** hostname -> client group -> lookups answered for the first address. */
  readonly lookups: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** client group -> lookups answered with caches. */
  readonly edgeLookups: Readonly<Record<string, number>>;
  /** target id -> times it was the address answered. */
  readonly answers: Readonly<Record<string, number>>;
  /** hostname -> requests, hits and bytes at this edge. */
  readonly edge: Readonly<
    Record<string, { readonly requests: number; readonly hits: number; readonly bytesOut: number }>
  >;
  /** hostname -> of these requests, those that were no hit, by reason. */
  readonly whyNot?: Readonly<Record<string, WhyNotCounts>>;
  /** origin id -> fetches on a miss. */
  readonly fetches: Readonly<Record<string, number>>;
  /** hostname -> servers asked beside a slow one, and of these those whose answer counted. */
  readonly hedges?: Readonly<Record<string, Hedged>>;
  /** hostname -> what this cache sent to other caches that asked it: billed to nobody. */
  readonly tiers?: Readonly<
    Record<string, { readonly requests: number; readonly hits: number; readonly bytesOut: number }>
  >;
  /** node id -> requests to that cache as a parent. */
  readonly parents?: Readonly<Record<string, number>>;
  /** And how many of these gave no answer that could be used. */
  readonly parentsFailed?: Readonly<Record<string, number>>;
  /** Origin id -> what its responses said of its load since the last one, the newest. */
  readonly told?: Readonly<Record<string, readonly ToldLoad[]>>;
  /** Origin id -> how it did, of those that were asked. */
  readonly origins?: Readonly<Record<string, OriginSeen>>;
  /** Client group -> what its connections of the last minute took. */
  readonly clientRtt?: Readonly<Record<string, ClientRtt>>;
  /** /24 or /48 that lies in no client group -> what its connections of the last minute took. */
  readonly networks?: Readonly<Record<string, Pick<ClientRtt, "rttMs" | "samples">>>;
  /** Client group -> pop -> what browsers measured, as their beacon told this cache. */
  readonly beaconRtt?: Readonly<Record<string, Readonly<Record<string, ClientRtt>>>>;
  /** hostname -> how the delivery of its log goes at this cache, since its start. */
  readonly logs?: Readonly<Record<string, LogsTold>>;
  /** Of a node that is a cache. */
  readonly figures?: NodeFigures;
}

export interface Events {
  readonly "snapshot.published": { readonly snapshot: Snapshot };
  readonly "snapshot.ack": {
    readonly node: string;
    readonly number: number;
    readonly atMs: number;
  };
  /** A node's name server, or its cache, has this snapshot in force: others may wait for it. */
  readonly "snapshot.turn": {
    readonly node: string;
    readonly role: "dns" | "edge";
    readonly number: number;
  };
  readonly "probe.report": ProbeReport;
  readonly health: { readonly health: Health; readonly assignment: Assignment };
  readonly purge: Purge;
  readonly "purge.ack": PurgeAck;
  /** Unsafe requests through one cache changed these: the others end what they hold of them. */
  readonly "edge.changed": ChangedTold;
  readonly stats: NodeStats;
  readonly "load.told": LoadTold;
  /** A cache's fetch from this target failed: probes look at once. At most twice a second of each. */
  readonly "origin.failed": { readonly node: string; readonly target: string };
  /** What would come of a request: every cache tells. */
  readonly "why.ask": WhyAsk;
  readonly "why.told": WhyTold;
  /** Somebody follows the log of a site; caches tell its lines for as long as it says. */
  readonly "log.tail": TailAsk;
  readonly "log.told": TailTold;
  /** Name servers ask for `zone.extras` at once rather than in a moment. */
  readonly "zone.extras.changed": Readonly<Record<string, never>>;
  /** Caches ask for `acme.tokens` at once rather than in a moment. */
  readonly "acme.tokens.changed": { readonly digest: string };
}

export interface Requests extends SecretRequests {
  /** The latest snapshot if its number is above `have`, else null. */
  readonly "snapshot.latest": {
    readonly ask: { readonly have: number };
    readonly reply: Snapshot | null;
  };
  /**
   * Entries of the purge log above `after`, in order, the first of them where there are many; `latest` is the log's
   * last number. Of old ones there is the last of each site, which is of the whole site: numbers may be left out.
   * `term` is that of the entry `after`.
   */
  readonly "purge.since": {
    readonly ask: PurgePlace;
    readonly reply: {
      readonly latest: number;
      readonly purges: readonly Purge[];
      readonly term?: string;
    };
  };
  /** A client of a cache wants something purged, by the method PURGE. */
  readonly "purge.ask": { readonly ask: PurgeAsk; readonly reply: PurgeTold };
  /** True once the batch is durably in the ledger (now or before). */
  readonly "usage.batch": { readonly ask: UsageBatch; readonly reply: { readonly taken: true } };
  /** Pages that caches answer for authorities; null when the set's digest is `have`. */
  readonly "acme.tokens": {
    readonly ask: { readonly have: string };
    readonly reply: AcmeTokenSet | null;
  };
  /** Sets or removes challenges of a customer whose key signed the update; a response code. */
  readonly "challenge.update": {
    readonly ask: { readonly customer: string; readonly steps: readonly ChallengeStep[] };
    readonly reply: { readonly rcode: number };
  };
  /** Which certificates caches need; null when the set's digest is `have`. No secrets. */
  readonly "certificates.index": {
    readonly ask: { readonly have: string };
    readonly reply: CertificateIndex | null;
  };
  /**
   * Those certificates of the list that there are, with their keys: JSON of EdgeCertificate[], sealed
   * (store/sealed-box) to the asker's X25519 public key. Both in base64.
   */
  readonly "certificates.get": {
    readonly ask: { readonly ids: readonly string[]; readonly sealTo: string };
    readonly reply: SealedWord;
  };
}
