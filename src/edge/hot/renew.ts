import { mergeNotModified, storable } from "../../policy/caching/mod.ts";
import { type Cache, MemoryObject } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import type { Held } from "./deliver.ts";
import type { Fetched } from "./fetched.ts";
import type { Prepared } from "./head.ts";
import { cacheRequestOf, describe, factsOf } from "./meta.ts";

/** What is held whole: it can get new fields. */
export type Renewable = Exclude<Held, { kind: "spool" }>;

/** What is held with the fields of a 304, or of a 200 to HEAD, and whether it may still be kept. */
export function renewed(
  stale: Renewable,
  ask: Ask,
  fetched: Fetched,
): { readonly held: Renewable; readonly keep: boolean } {
  const merged = mergeNotModified(stale.meta.fields, fetched.response.fields);
  const response = { status: stale.meta.status, fields: merged };
  const facts = factsOf(ask, response, fetched.receivedMs);
  // A parent knows nothing of the groups that ended here: what it confirms is as new as it was.
  const groupEnds = fetched.tier === undefined ? fetched.groupEnds : (stale.meta.groupEnds ?? 0);
  const meta = describe({ ...stale.meta, fields: merged }, facts, { ...fetched, groupEnds });
  const keep = storable({ ...cacheRequestOf(ask), method: "GET" }, facts).store;
  const held =
    stale.kind === "file" ? { ...stale, meta } : new MemoryObject<Prepared>(meta, contentOf(stale));
  return { held, keep };
}

export function keepRenewed(cache: Cache<Prepared>, held: Renewable): void {
  if (held.kind === "file") held.renew(held.meta);
  else cache.renew(held.meta, contentOf(held));
}

function contentOf(held: Exclude<Renewable, { kind: "file" }>) {
  return held.kind === "memory" ? held.content : held.bytes;
}
