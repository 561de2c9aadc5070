/**
 * The step `lookup`, of what is held in parts only: the part that is asked for, or all of it made complete,
 * without asking anybody for any of it.
 */
import { MemoryObject, sealMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { deliver, type OfSlices } from "./deliver.ts";
import { isOfContent } from "./digests.ts";
import type { Prepared } from "./head.ts";
import { WHOLE_BYTES_MAX } from "./limits.ts";
import { type PartObject, wholeOf } from "./parts.ts";
import { isDatedTwice } from "./rules-encode.ts";
import { type Serving, servePart, statusOfParts } from "./serve-part.ts";
import { gatheringFor } from "./slices.ts";
import type { Works } from "./works.ts";

/** Null: not all that is asked for is held. */
export async function serveHeldParts(
  works: Works,
  ask: Ask,
  held: PartObject,
  how: Serving,
): Promise<Response | null> {
  const { heldParts, node } = works;
  const range = ask.method === "GET" ? ask.request.headers.get("range") : null;
  if (range !== null && heldParts.holdsInSlices(held, range) && !isDatedTwice(held.meta, ask)) {
    const part = await servePart(works, ask, held, { ...how, heldOnly: true });
    if (part !== null) return part;
  }
  const whole = await wholeFrom(works, ask, held, { keep: how.detail === undefined });
  if (whole === null) return null;
  const status = statusOfParts(works, held, how);
  return deliver(whole, ask, { node, nowMs: works.nowMs(), status });
}

/**
 * The whole, where all of it is held: it has been made complete (RFC 9111 3.3, 3.4). One that memory
 * takes is an object as others from then on, where it is to be kept. Null: not all of it is held.
 */
async function wholeFrom(
  works: Works,
  ask: Ask,
  object: PartObject,
  { keep }: { readonly keep: boolean },
): Promise<MemoryObject<Prepared> | OfSlices | null> {
  const { cache, heldParts, slices } = works;
  if (!heldParts.holdsWhole(object)) return null;
  const { part, ...of } = object.meta;
  const fields = of.fields.filter(([name]) => name !== "content-range" && !isOfContent(name));
  const bodyBytes = part.sizeBytes;
  const meta = sealMeta({ ...of, key: ask.key, status: 200, fields, bodyBytes });
  const all = wholeOf(object);
  if (bodyBytes > WHOLE_BYTES_MAX) {
    const read = (by: Ask) => slices.stream(gatheringFor(object, by), all);
    return { kind: "slices", meta, read };
  }
  const { purges } = cache;
  const bytes = await slices.joined(gatheringFor(object, ask, { heldOnly: true }), all);
  // Any purge since may have been of it.
  if (bytes === null || purges !== cache.purges) return null;
  const kept = keep ? cache.admit(meta, bytes) : null;
  return kept ?? new MemoryObject<Prepared>(meta, bytes);
}
