import type { LoadSource, LoadSourceKind } from "./health.ts";

/** Why a filter kept or dropped a candidate. Values, not text: logs, metrics and tests use them. */
export type SteerReason =
  | "healthy"
  | "unmeasured"
  | "down"
  | "forced-up"
  | "forced-down"
  | "draining"
  | "weight-zero"
  | "has-family"
  | "lacks-family"
  | "other-port"
  | "excluded"
  | "assigned"
  | "within-margin"
  | "lowest-load"
  | "higher-load"
  | "hashed"
  | "lowest-in-both"
  | "lowest-cost"
  | "higher-cost"
  | "dominated"
  | "allowed"
  | "not-allowed"
  | "mapped"
  | "not-mapped"
  | "no-rule"
  | "lowest-latency"
  | "higher-latency"
  | "beyond-band"
  | "nearest"
  | "farther"
  | "no-place"
  | "share"
  | "first-choice"
  | "standby"
  | "sticks"
  | "other-sticks"
  | "below-target"
  | "shedding"
  | "over-limit"
  | "within-first"
  | "beyond-first"
  | "all-down"
  | "fallback";

export interface Verdict {
  readonly filter: string;
  readonly kept: boolean;
  readonly reason: SteerReason;
  readonly detail: string;
}

export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly v4: string | null;
  readonly v6: string | null;
  readonly state: string;
  readonly load: number;
  readonly loadKnown: boolean;
  readonly loadFrom: LoadSourceKind | null;
  readonly projected: number;
  readonly rttMs: number | null;
  readonly sources: readonly LoadSource[];
  readonly verdicts: readonly Verdict[];
}

/** One usable server, best first. `index` is an OriginIndex or NodeIndex, by `kind`. */
export interface Choice {
  readonly kind: "origin" | "node" | "fallback";
  readonly index: number;
  readonly id: string;
  readonly v4: string | null;
  readonly v6: string | null;
  readonly port: number;
  /** Share of the draw among choices; the ones with 0 serve only as the next choice. */
  readonly weight: number;
  /** Set where a client keeps its server: its own number in the rendezvous draw of `pick()`. */
  readonly stick?: number;
}

export interface Decision {
  /** Ordered; empty only if the site asks for `allDown: none`. */
  readonly choices: readonly Choice[];
  readonly ttlSec: number;
  /** True when nothing was usable and the all-down choice applied. */
  readonly allDown: boolean;
  readonly reasons: readonly Candidate[];
}
