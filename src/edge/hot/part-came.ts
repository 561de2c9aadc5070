/** A part that came (206): its body, and what it says to a cache. Whether it is kept others decide. */
import { type ResponseFacts, type StoreVerdict, storable } from "../../policy/caching/mod.ts";
import type { Ask } from "./ask.ts";
import { readBody } from "./body.ts";
import { countIn } from "./deliver.ts";
import type { Fetched } from "./fetched.ts";
import { WHOLE_BYTES_MAX } from "./limits.ts";
import { cacheRequestOf, factsOf } from "./meta.ts";

/** All of its body. Null: it broke off, or is larger than what is asked for at once. */
export async function readPart(
  ask: Ask,
  fetched: Fetched,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const { response } = fetched;
  const body = await readBody(response, {
    wholeBytesMax: WHOLE_BYTES_MAX,
    contentLength: response.contentLength,
    count: (bytes) => countIn(ask, fetched, bytes),
  }).catch(() => null);
  if (body?.kind === "large") await body.rest.cancel();
  return body?.kind === "whole" ? body.bytes : null;
}

/** As a stored 206 a part is judged, and fresh, as the 200 that it is a part of (RFC 9111 3.3, 3.4). */
export function judgePart(
  ask: Ask,
  { response, receivedMs }: Fetched,
): { readonly facts: ResponseFacts; readonly verdict: StoreVerdict } {
  const said = factsOf(ask, { status: 206, fields: response.fields }, receivedMs);
  const facts = { ...said, status: 200, isPart: false };
  return { facts, verdict: storable(cacheRequestOf(ask), facts) };
}
