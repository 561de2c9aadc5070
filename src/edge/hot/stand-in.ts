/** What is held in parts and stale, in place of an answer that cannot be had (RFC 5861 4, RFC 9111 4.2.4). */
import type { Ask } from "./ask.ts";
import type { Fetched } from "./fetched.ts";
import { failedBy, type Landed, type Lead } from "./flight.ts";
import { serveHeldParts } from "./held-in-parts.ts";
import type { Refusal } from "./refuse.ts";
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

/** The same for who makes a fetch, and for those who wait for it. */
export async function standInFor(
  works: Works,
  { ask, flight }: Pick<Lead, "ask" | "flight">,
  fetched: Fetched | Refusal,
): Promise<Landed | null> {
  const answered = !("status" in fetched);
  if (answered && fetched.response.status < 500) return null;
  const response = await standIn(works, ask, answered);
  if (response === null) return null;
  if (answered) await fetched.response.body?.cancel();
  flight.land(answered ? { kind: "private", failed: true } : failedBy(fetched));
  return { response, coming: null };
}
