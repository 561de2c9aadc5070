import type { Freshness, Part } from "../../policy/caching/mod.ts";

/** More variants of one key than this replace the oldest: they are looked through one by one. */
export const VARIANTS_MAX = 64;

/** Names in lower case, in the order received. */
export type Fields = readonly (readonly [string, string])[];

/** All of a stored response but its body. Plain data: on disk it is this as JSON. */
export interface ObjectMeta {
  /** The primary key; begins with the customer. */
  readonly key: string;
  readonly customer: string;
  readonly site: string;
  /** Path and query at the origin. */
  readonly path: string;
  readonly vary: readonly string[];
  /** What the fields that `vary` names held in the request (policy/caching `variantKey`). */
  readonly variant: string;
  readonly language?: string;
  readonly status: number;
  /** End-to-end fields, without Age. */
  readonly fields: Fields;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly lastModifiedMs: number | null;
  readonly freshness: Freshness;
  /** When it came or was last validated, ms since the epoch. */
  readonly receivedMs: number;
  readonly bodyBytes: number;
  /** How long other caches of ours had held it when it came, ms; absent: it came from its origin. */
  readonly heldMs?: number;
  /** The last purge that was applied when it was fetched or last validated. */
  readonly purge?: number;
  /** How many times cache groups had been ended by web servers' answers then; absent: never. */
  readonly groupEnds?: number;
  /** Of a stored part: what it is a part of (hot/parts). */
  readonly part?: Part & { readonly generation: string; readonly origin: string };
}

/** Of an object that a worker holds: which marks it was asked for under, see hot/crew. */
export interface Stamp {
  /** Where the marks of its key and of its site are. */
  readonly key: number;
  readonly site: number;
  /** What they came to, together. */
  readonly sum: number;
}

export function sealMeta(meta: ObjectMeta): ObjectMeta {
  return Object.freeze(meta);
}
