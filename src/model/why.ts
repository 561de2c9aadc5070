/** A request as somebody asks about it: nothing of it is sent to any web server. */
export interface WhyAsk {
  readonly id: string;
  readonly url: string;
  readonly method: string;
  /** Names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  /** The client's address. */
  readonly client: string;
}

/** What a cache would do. `told` is null where it does not know the site. */
export interface WhyTold {
  readonly id: string;
  readonly node: string;
  readonly told: WhyHere | null;
}

/**
 * What would come of the request at one cache, by the functions that serve:
 *
 *   answered   a rule answers it: `reason` says how
 *   hit        it is held and fresh
 *   stale      it is held, and would be validated: `stale`, `purged`, `validate` or `behind` (on purges)
 *   miss       it is not held: `not-held`, or `other-variant` where only others of that URL are
 *   pass       it would be asked for alone: `method`, or `not-shared` as an answer was just now
 */
export interface WhyHere {
  readonly verdict: "answered" | "hit" | "stale" | "miss" | "pass";
  readonly reason: string;
  /** Path and query as they are keyed and sent on. */
  readonly path: string;
  /** The other parts of the key, and the fields by which what is held varies. */
  readonly parts: readonly { readonly name: string; readonly value: string | null }[];
  /** The rules that match, in order. */
  readonly rules: readonly string[];
  /** Which of them decides what. */
  readonly decided: readonly { readonly setting: string; readonly rule: string }[];
  readonly held: WhyHeld | null;
  /** Names of the caches that would be asked before its web servers, in order; absent: none. */
  readonly parents?: readonly string[];
}

export interface WhyHeld {
  readonly tier: "memory" | "disk";
  readonly status: number;
  readonly bytes: number;
  readonly ageSec: number;
  readonly lifetimeSec: number;
  /** Where the lifetime is from: a directive, a heuristic, or a rule. */
  readonly from: string;
}
