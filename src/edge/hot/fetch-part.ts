/**
 * A fetch of a part that others may wait for (threats H12): what comes is kept among the parts, and the one who
 * made the fetch is answered from it. Where the server sends all of it, hot/store keeps that.
 */
import { writeRange } from "../../policy/caching/mod.ts";
import type { Ask } from "./ask.ts";
import type { Fetched } from "./fetched.ts";
import { failedBy, type Landed, type Lead } from "./flight.ts";
import { fwdOf } from "./fwd.ts";
import type { PartAsked } from "./part-asked.ts";
import type { PartObject } from "./parts.ts";
import { pass } from "./pass.ts";
import { refusals } from "./refuse.ts";
import { isDatedTwice } from "./rules-encode.ts";
import { servePart } from "./serve-part.ts";
import { standInFor } from "./stand-in.ts";
import { keepApart, store } from "./store.ts";
import type { Works } from "./works.ts";

/** Who makes a fetch of a part; `stale`: what is held whole, of which its server has another version by now. */
export interface PartLead extends Lead {
  readonly part: PartAsked;
  /** What is held in parts, and not fresh. */
  readonly held: PartObject | null;
}

/** Null: what came shows that the client gets all of it, which is to be fetched (`isDatedTwice`). */
export async function fetchPart(works: Works, o: PartLead): Promise<Landed | null> {
  const { ask, flight, held, stale, whyNot } = o;
  const conditions = [["range", writeRange(o.part)]] as const;
  const prefer = held === null ? {} : { prefer: held.meta.part.origin };
  const fetched = await works.fetch(ask, { conditions, shared: true, ...prefer });
  const standIn = await standInFor(works, o, fetched);
  if (standIn !== null) return standIn;
  if ("status" in fetched) {
    flight.land(failedBy(fetched));
    const fwd = fwdOf(whyNot, { stale: held !== null || stale !== null });
    return { response: works.refused(ask, fetched, fwd), coming: null };
  }
  const { status } = fetched.response;
  if (status === 206) return takePart(works, o, fetched);
  const other = status === 416 ? await noSuchPart(works, o, fetched) : null;
  return other ?? store(works, { ...o, staleParts: held !== null }, fetched);
}

/** A part that came, for the one who asked for it and to be kept. Null: the client gets all of it. */
export async function takePart(
  works: Works,
  o: PartLead,
  fetched: Fetched,
): Promise<Landed | null> {
  const { ask, flight, held, stale, whyNot } = o;
  const taken = await works.heldParts.take(ask, fetched, held);
  if (taken === null) return { response: await alone(works, ask), coming: null };
  if (stale !== null && taken.own === null) await works.cache.purge(ask.key);
  if (isDatedTwice(taken.object.meta, ask)) return null;
  const stored = taken.keep && !flight.purged;
  if (stored) works.heldParts.keep(taken.object, held);
  if (taken.keep) {
    // Of what was purged on its way nothing is found: whoever waits looks again for what there is now.
    flight.land({ kind: "again" });
  } else {
    const ends = taken.own === null && held !== null;
    if (ends) await works.heldParts.forget(ask.key);
    keepApart(works, o, taken.own);
  }
  const asked = ask.request.headers.get("range") ?? writeRange(o.part);
  const came = {
    ...{ fwd: fwdOf(whyNot, { stale: held !== null || stale !== null }), whyNot },
    stored,
    asCame: asked === writeRange(o.part),
  };
  const response = await servePart(works, ask, taken.object, { came });
  return { response: response ?? (await alone(works, ask)), coming: null };
}

/**
 * 416: there is no such part. Who waits for another one, or for all of it, looks again. Null: it is what the
 * client asked for.
 */
export async function noSuchPart(
  works: Works,
  { ask, flight }: Pick<Lead, "ask" | "flight">,
  { response }: Fetched,
): Promise<Landed | null> {
  flight.land({ kind: "again" });
  if (!wantsMore(ask.request.headers)) return null;
  await response.body?.cancel();
  return { response: await pass(works, ask), coming: null };
}

/** Another range, or all of it where it is not what the client has a part of (RFC 9110 13.1.5, 15.5.17). */
function wantsMore(asked: Headers): boolean {
  return asked.has("if-range") || asked.get("range")?.includes(",") === true;
}

/** What cannot be had from parts; where no part was asked for, nobody waits for it. */
async function alone(works: Works, ask: Ask): Promise<Response> {
  if (!ask.request.headers.has("range")) return works.refused(ask, refusals.badGateway);
  return pass(works, ask);
}
