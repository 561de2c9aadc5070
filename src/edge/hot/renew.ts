import {
  isOwnReason,
  mergeNotModified,
  type OwnReason,
  storable,
} from "../../policy/caching/mod.ts";
import { formatHttpDate } from "../../wire/http/mod.ts";
import { type Cache, MemoryObject } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import type { Held } from "./deliver.ts";
import type { Fetched } from "./fetched.ts";
import type { Prepared } from "./head.ts";
import { cacheRequestOf, describe, factsOf, variantOf } from "./meta.ts";

/** What is held whole: it can get new fields. */
export type Renewable = Exclude<Held, { kind: "spool" }>;

/**
 * What is held with the fields of a 304, or of a 200 to HEAD, and whether it may still be kept. `own`: for what
 * this request said these fields are not, and what is held stays as it was.
 * `moved`: other fields of requests choose it than before (a Vary that changed, RFC 9111 3.2, 4.1), so
 * that all that was held of its key goes first. A file says for good who it is for: it is not kept then.
 */
export function renewed(
  stale: Renewable,
  ask: Ask,
  fetched: Fetched,
): {
  readonly held: Renewable;
  readonly keep: boolean;
  readonly own: OwnReason | null;
  readonly moved: boolean;
} {
  // RFC 9110 6.6.1: without a Date it is of the time at which it came, not as old as what it renews.
  const { fields: from } = fetched.response;
  const dated = from.some(([name]) => name === "date")
    ? from
    : [...from, ["date", formatHttpDate(fetched.receivedMs)] as const];
  const merged = mergeNotModified(stale.meta.fields, dated);
  const response = { status: stale.meta.status, fields: merged };
  const facts = factsOf(ask, response, fetched.receivedMs);
  // A parent knows nothing of the groups that ended here: what it confirms is as new as it was.
  const groupEnds = fetched.tier === undefined ? fetched.groupEnds : (stale.meta.groupEnds ?? 0);
  const chosen = variantOf(ask, facts, merged);
  const moved = chosen.vary.join() !== stale.meta.vary.join();
  const { language: _, ...rest } = stale.meta;
  const before = moved ? { ...rest, ...chosen } : stale.meta;
  const meta = describe({ ...before, fields: merged }, facts, { ...fetched, groupEnds });
  const verdict = storable({ ...cacheRequestOf(ask), method: "GET" }, facts);
  const own = !verdict.store && isOwnReason(verdict.reason) ? verdict.reason : null;
  const keep = verdict.store && !(moved && stale.kind === "file");
  const held =
    stale.kind === "file" ? { ...stale, meta } : new MemoryObject<Prepared>(meta, contentOf(stale));
  return { held, keep, own, moved };
}

/** What is held from then on. */
export function keepRenewed(cache: Cache<Prepared>, held: Renewable): Renewable {
  if (held.kind !== "file") return cache.renew(held.meta, contentOf(held)) ?? held;
  held.renew(held.meta);
  return held;
}

function contentOf(held: Exclude<Renewable, { kind: "file" }>) {
  return held.kind === "memory" ? held.content : held.bytes;
}
