/** What is held in parts and stale, in place of an answer that cannot be had (RFC 5861 4, RFC 9111 4.2.4). */
import type { Ask } from "./ask.ts";
import { serveHeldParts } from "./held-in-parts.ts";
import type { Works } from "./works.ts";

/**
 * For one request. Null: it is not held, or may not be served.
 *
 * @param answered whether an origin answered at all, with an error then
 */
export async function standIn(works: Works, ask: Ask, answered: boolean): Promise<Response | null> {
  const held = await works.heldParts.find(ask);
  if (held === null || !works.mayServeStale(held.meta, answered)) return null;
  return serveHeldParts(works, ask, held, { detail: "stale-if-error" });
}
