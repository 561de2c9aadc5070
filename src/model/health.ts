/** What was observed: travels apart from the snapshot. The full table is sent each tick. */

export type TargetState = "up" | "down" | "draining" | "unknown";

export type LoadSourceKind =
  | "cpu"
  | "memory"
  | "network"
  | "http"
  | "ftp"
  | "tcp"
  | "tls"
  | "dns"
  | "icmp"
  /** Client connections of those a node names as its most. */
  | "connections"
  /** What caches see that fetch from it: times, failures, and what is open. */
  | "edges"
  /** How late the event loop of a node's process runs its timers. */
  | "loop"
  /** Reported as current/target. */
  | "reported";

/** One source of load on the common scale: 0 idle, 1 at capacity (may exceed 1). */
export interface LoadSource {
  readonly kind: LoadSourceKind;
  readonly load: number;
  readonly atMs: number;
  /** What the number came from, for people: `ewma 84 ms, idle 12 ms, limit 500 ms`. */
  readonly detail: string;
}

/** What one vantage last saw of one target. */
export interface VantageView {
  readonly vantage: string;
  readonly up: boolean;
  readonly atMs: number;
  /** Whole time of the last HTTP (or else TCP, FTP) check, ms; null when it failed. */
  readonly responseMs: number | null;
  /** The reason of the last failure, or "". */
  readonly failure: string;
  /** Of the check that `responseMs` is of: ms since its start, as far as it got. */
  readonly timings?: {
    readonly resolveMs: number | null;
    readonly connectMs: number | null;
    readonly tlsMs: number | null;
    readonly firstByteMs: number | null;
  };
  /** Whole days until the certificate shown to this vantage ends. */
  readonly certificateDays?: number;
}

export interface TargetHealth {
  /** `<hostname>/<origin name>` or `node/<name>`. */
  readonly id: string;
  readonly state: TargetState;
  /** When `state` last changed. */
  readonly sinceMs: number;
  /** True while a change is being counted, or within 60 s after one: short TTLs. */
  readonly young: boolean;
  /** Dead address families count as absent. */
  readonly v4Up: boolean;
  readonly v6Up: boolean;
  /** The highest fresh source; the pool's median when `loadKnown` is false; never 0 by ignorance. */
  readonly load: number;
  readonly loadKnown: boolean;
  /** Which source won, or null. */
  readonly loadFrom: LoadSourceKind | null;
  /** The override that its snapshot names has ended: it counts no more. */
  readonly forcedEnded?: true;
  readonly sources: readonly LoadSource[];
  readonly views: readonly VantageView[];
  /** What is not wrong yet but will be, for people: `certificate ends in 9 days`. */
  readonly warnings?: readonly string[];
}

/** Where a round-trip time comes from, unless a probe measured just that. */
export type RttOrigin =
  /** The kernel's times of real connections at the pop's caches. */
  | { readonly from: "clients"; readonly samples: number; readonly ageSec: number }
  /** The beacon's in browsers, each of which measured several pops. */
  | { readonly from: "beacon"; readonly samples: number; readonly ageSec: number }
  /** The median of so many other groups, of the same AS or country by the operator's files. */
  | { readonly from: "as" | "country"; readonly samples: number }
  /** Great-circle distance from where those files say that the group is. */
  | { readonly from: "distance" }
  /** A probe's, and so much added because clients are farther away than their resolver. */
  | { readonly from: "probes"; readonly addedMs: number };

export interface Health {
  /** Goes up with each tick of the judge. */
  readonly number: number;
  readonly judge: string;
  readonly atMs: number;
  /** The snapshot whose targets these are. */
  readonly snapshot: number;
  /** By target id. */
  readonly targets: Readonly<Record<string, TargetHealth>>;
  /** Measured latency: client group name -> pop name -> smoothed RTT in ms. */
  readonly rttMs: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly rttFrom?: Readonly<Record<string, Readonly<Record<string, RttOrigin>>>>;
  /** Set when most targets failed in one tick: states are held and this says so. */
  readonly held: string | null;
}

export const NO_HEALTH: Health = {
  number: 0,
  judge: "",
  atMs: 0,
  snapshot: 0,
  targets: {},
  rttMs: {},
  held: null,
};
