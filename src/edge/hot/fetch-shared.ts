/**
 * A fetch of all of it that others may wait for, with conditions where it is held and stale, and what came of
 * that: a 304 renews what is held, a failure has it stand in, a part goes to hot/fetch-part and a whole to hot/store.
 */
import { conditionFields, isStrong, selects, writeRange } from "../../policy/caching/mod.ts";
import { parseContentRange } from "../../wire/http/mod.ts";
import { deliver, type Held } from "./deliver.ts";
import { fetchPart, noSuchPart, type PartLead, takePart } from "./fetch-part.ts";
import type { Fetched } from "./fetched.ts";
import { failedBy, type Landed, type Lead } from "./flight.ts";
import { fwdOf, whyFetched } from "./fwd.ts";
import { dateMsOf, factsOf, getter } from "./meta.ts";
import { type PartAsked, partOfLarge } from "./part-asked.ts";
import { staleOnError } from "./pass.ts";
import { refusals } from "./refuse.ts";
import { keepRenewed, type Renewable, renewed } from "./renew.ts";
import { codingAwaited } from "./rules-encode.ts";
import { standInFor } from "./stand-in.ts";
import { keepApart, store } from "./store.ts";
import type { Works } from "./works.ts";

/** Answers to conditions and ranges, where neither was asked: they are about nothing that is here. */
const UNASKED: ReadonlySet<number> = new Set([206, 304]);

/**
 * One fetch whose answer may be shared.
 *
 * @param o.part asked for with the conditions: if the whole has changed, this comes of the new one
 */
export async function fetchShared(
  works: Works,
  o: Omit<Lead, "whyNot"> & { readonly part: PartAsked | null },
): Promise<Landed> {
  const { ask, flight, stale, part } = o;
  const whyNot = whyFetched(works, ask, stale);
  const lead = { ask, flight, stale, whyNot };
  const range = part === null ? [] : [["range", writeRange(part)] as const];
  const conditions = stale === null ? range : [...range, ...conditionFields(stale.meta)];
  let fetched = await works.fetch(ask, { conditions, shared: true });
  if (!("status" in fetched) && fetched.response.status === 304) {
    const here = stale !== null && isHere(stale);
    const done = here ? await renew(works, { ...lead, stale }, fetched) : null;
    if (done !== null) return done;
    fetched = await works.fetch(ask, { conditions: range, shared: true });
  }
  if (part !== null && !("status" in fetched)) {
    const instead = await cameInstead(works, { ...lead, part }, fetched);
    if (instead !== null) return instead;
  }
  if (!("status" in fetched) && UNASKED.has(fetched.response.status)) {
    await fetched.response.body?.cancel();
    fetched = refusals.badGateway;
  }
  if (stale !== null && part === null && !("status" in fetched)) {
    const later = partOfLarge(ask, fetched);
    if (later !== null) return fetchPartLater(works, { ...lead, part: later }, fetched);
  }
  const answered = !("status" in fetched);
  const failed = "status" in fetched || fetched.response.status >= 500;
  const here = stale !== null && isHere(stale);
  if (failed && here && works.mayServeStale(stale.meta, answered)) {
    if (!("status" in fetched)) await fetched.response.body?.cancel();
    const fwdStatus = "status" in fetched ? null : fetched.response.status;
    flight.land({ kind: "shared", held: stale, fwdStatus, standsIn: true });
    return { response: staleOnError(works, ask, stale, { fwdStatus }), coming: null };
  }
  const standIn = await standInFor(works, lead, fetched);
  if (standIn !== null) return standIn;
  if ("status" in fetched) {
    flight.land(failedBy(fetched));
    const fwd = fwdOf(whyNot, { stale: stale !== null });
    return { response: works.refused(ask, fetched, fwd), coming: null };
  }
  return store(works, lead, fetched);
}

/** One fetch of a part, and of all of it where the part shows that the client gets that. */
export async function fetchPartOrAll(works: Works, o: PartLead): Promise<Landed> {
  return (await fetchPart(works, o)) ?? fetchAll(works, o);
}

function fetchAll(works: Works, { ask, flight }: Lead): Promise<Landed> {
  return fetchShared(works, { ask, flight, stale: null, part: null });
}

/** A part in place of the whole. Null: something else came. */
async function cameInstead(
  works: Works,
  o: Lead & { readonly part: PartAsked },
  fetched: Fetched,
): Promise<Landed | null> {
  const { ask, stale } = o;
  const { status, fields, body } = fetched.response;
  if (status === 416) return noSuchPart(works, o, fetched);
  if (status !== 206) return null;
  const get = getter(fields);
  const sameTag = isStrong(get("etag")) && get("etag") === stale?.meta.etag;
  const said = parseContentRange(get("content-range"));
  if (stale !== null && isHere(stale) && sameTag && said?.sizeBytes === stale.meta.bodyBytes) {
    // It is a part of what is held: a server that looks at the range alone.
    await body?.cancel();
    const done = await renew(works, { ...o, stale }, fetched);
    if (done !== null) return done;
  }
  const held = await works.heldParts.find(ask);
  return (await takePart(works, { ...o, held }, fetched)) ?? fetchAll(works, o);
}

/** What was held small has become large: its transfer is broken off for the part that is wanted. */
async function fetchPartLater(
  works: Works,
  o: Omit<PartLead, "held">,
  fetched: Fetched,
): Promise<Landed> {
  await fetched.response.body?.cancel();
  return fetchPartOrAll(works, { ...o, held: await works.heldParts.find(o.ask) });
}

/** A 304 about what is held: the object with its new fields. Null: it is about something else. */
async function renew(
  works: Works,
  o: Lead & { readonly stale: Held },
  fetched: Fetched,
): Promise<Landed | null> {
  const { ask, flight, stale } = o;
  const { response, receivedMs } = fetched;
  const dateMs = dateMsOf(stale.meta.fields, receivedMs);
  const says = factsOf(ask, response, receivedMs);
  if (!selects({ ...stale.meta, dateMs }, says) || stale.kind === "spool") return null;
  const { held, keep, own, moved } = renewed(stale, ask, fetched);
  if (own !== null) keepApart(works, o, own);
  else if (!keep || moved) await works.cache.purge(ask.key);
  // It has become private: nobody who waits gets it, and nobody after.
  if (!keep) flight.land({ kind: "private" });
  const kept = keep && !flight.purged ? keepRenewed(works.cache, held) : held;
  return deliverRenewed(works, o, { held: kept, stored: keep, fwdStatus: response.status });
}

async function deliverRenewed(
  works: Works,
  { ask, flight, whyNot }: Lead,
  how: { readonly held: Renewable; readonly stored: boolean; readonly fwdStatus: number },
): Promise<Landed> {
  const { held, stored, fwdStatus } = how;
  if (stored) flight.land({ kind: "shared", held, fwdStatus });
  await codingAwaited(held, ask);
  const { node, clock } = works;
  const status = { cache: node, fwd: "stale", fwdStatus, stored, whyNot } as const;
  const response = deliver(held, ask, { node, nowMs: clock.wallMs(), status });
  return { response, coming: null };
}

/** What is on disk may have been given up while the origin was asked. */
export function isHere(held: Held): boolean {
  return held.kind !== "file" || held.stored.alive;
}
