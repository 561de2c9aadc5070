/**
 * The step `store`, of what was fetched for all who want it: kept where RFC 9111 and the guards allow, told
 * to those who wait, and delivered to the one who made the fetch. What comes for a part is kept in hot/fetch-part.
 */
import {
  isOwnReason,
  isStrong,
  type OwnReason,
  type StoreVerdict,
  saysNothingOfOthers,
  storable,
} from "../../policy/caching/mod.ts";
import { MemoryObject, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { type ReadBody, readBody } from "./body.ts";
import type { Fwd } from "./count.ts";
import { countIn, deliver, type Held } from "./deliver.ts";
import { type Fetched, replaces } from "./fetched.ts";
import type { Landed, Lead } from "./flight.ts";
import { fwdOf } from "./fwd.ts";
import type { Prepared } from "./head.ts";
import { WHOLE_BYTES_MAX, WHOLE_MS } from "./limits.ts";
import { cacheRequestOf, describe, emptyMeta, factsOf } from "./meta.ts";
import { passOn } from "./pass.ts";
import { refusals } from "./refuse.ts";
import { codingAwaited } from "./rules-encode.ts";
import type { Works } from "./works.ts";

/**
 * Keeps what may be kept, and delivers.
 *
 * @param o.staleParts what is stale is held in parts
 */
export async function store(
  works: Works,
  o: Lead & { readonly staleParts?: boolean },
  fetched: Fetched,
): Promise<Landed> {
  const { ask, flight, stale, whyNot } = o;
  const { response } = fetched;
  const facts = factsOf(ask, response, fetched.receivedMs);
  const verdict = storable(cacheRequestOf(ask, facts), facts);
  const partial = await judgeParts(works, ask, { fetched, verdict, etag: facts.etag });
  if (!verdict.store || !response.framed || facts.vary === "*" || fetched.unsure === true) {
    // What the other scheme gets may well be held: only this answer is for this client alone.
    const otherwise = !verdict.store && verdict.reason === "same-address";
    const own = !verdict.store && isOwnReason(verdict.reason) ? verdict.reason : null;
    const failed = response.status >= 500 ? ({ failed: true } as const) : {};
    if (!otherwise && !saysNothingOfOthers(response.status)) keepApart(works, o, own);
    else flight.land({ kind: "private", ...failed });
    const why = fetched.unsure === true ? "unsure" : "unframed";
    const reason = verdict.store ? why : verdict.reason;
    return { response: await passOn(works, ask, { fetched, reason, stale }), coming: null };
  }
  works.flights.noteShared(ask.flight);
  const body = await readBody(response, {
    wholeBytesMax: Math.min(WHOLE_BYTES_MAX, ask.entry.site.objectBytesMax),
    contentLength: response.contentLength,
    count: (bytes) => countIn(ask, fetched, bytes),
    holding: works.holding,
    wholeMs: WHOLE_MS,
  }).catch(() => null);
  if (body === null && fetched.tier !== undefined) {
    // It was the parent that broke off, and nothing of its answer has been sent on yet.
    const direct = { conditions: [], shared: true, direct: true } as const;
    const again = await works.fetch(ask, direct);
    if (!("status" in again)) return store(works, o, again);
  }
  if (body === null) {
    flight.land({ kind: "failed", refusal: refusals.badGateway });
    return { response: works.refused(ask, refusals.badGateway), coming: null };
  }
  const fwd = fwdOf(whyNot, { stale: stale !== null || o.staleParts === true, partial });
  const meta = describe(emptyMeta(ask, facts, response), facts, fetched);
  if (body.kind === "large") {
    // What replaces what is held cannot be kept: the old one is not to be served any more.
    const isKept = (response.contentLength ?? 0) <= works.bytesMaxOf(ask);
    if (stale !== null && !isKept) await works.cache.purge(ask.key);
    return spooled(works, o, { meta, contentLength: response.contentLength, body, fwd });
  }
  const whole = sealMeta({ ...meta, bodyBytes: body.bytes.byteLength });
  const stored = flight.purged ? null : works.cache.admit(whole, body.bytes);
  const held = stored ?? new MemoryObject<Prepared>(whole, body.bytes);
  flight.land({ kind: "shared", held, fwdStatus: response.status });
  await codingAwaited(held, ask);
  const how = { fwd, stored: !flight.purged, whyNot };
  return { response: delivered(works, ask, held, how), coming: null };
}

/**
 * What is held in parts, judged by a whole that came: another one, or one that is not to be kept, ends them, as
 * it does what is held whole. Not what answers this one client, or its scheme. True where there were some.
 */
async function judgeParts(
  works: Works,
  ask: Ask,
  o: { readonly fetched: Fetched; readonly verdict: StoreVerdict; readonly etag: string | null },
): Promise<boolean> {
  const { verdict, etag } = o;
  const held = await works.heldParts.find(ask);
  if (held === null) return false;
  const same = verdict.store && isStrong(etag) && etag === held.meta.etag;
  const own = !verdict.store && (isOwnReason(verdict.reason) || verdict.reason === "same-address");
  if (!same && !own && replaces(o.fetched)) await works.heldParts.forget(ask.key);
  return true;
}

/**
 * What came is not to be shared, and for a while nobody waits for the like. Where that lies in what this
 * request said of itself, it is so for who says the same: all others look again, and may keep what comes.
 */
export function keepApart(
  works: Works,
  { ask, flight }: Pick<Lead, "ask" | "flight">,
  own: OwnReason | null,
): void {
  works.notePrivate(ask, own);
  if (own !== null) works.flights.end(ask.flight, flight);
  flight.land({ kind: own === null ? "private" : "again" });
}

function delivered(
  works: Works,
  ask: Ask,
  held: Held,
  o: { readonly fwd: Fwd; readonly stored: boolean } & Pick<Lead, "whyNot">,
): Response {
  const { node, clock } = works;
  const status = { cache: node, fwdStatus: held.meta.status, ...o };
  return deliver(held, ask, { node, nowMs: clock.wallMs(), status });
}

/** A body too large to be held: to the client and to disk at once. */
function spooled(
  works: Works,
  { ask, flight, whyNot }: Lead,
  o: {
    readonly meta: ObjectMeta;
    readonly contentLength: number | null;
    readonly body: Extract<ReadBody, { kind: "large" }>;
    readonly fwd: Fwd;
  },
): Landed {
  const { body, fwd } = o;
  const { objectBytesMax } = ask.entry.site;
  const spool = works.cache.spool(objectBytesMax, o.contentLength ?? undefined);
  spool.keep = !flight.purged;
  flight.onPurge = () => {
    spool.keep = false;
  };
  const known = o.contentLength ?? -1;
  const meta = sealMeta({ ...o.meta, bodyBytes: known });
  const held = { kind: "spool", meta, spool } as const;
  const why = known > objectBytesMax ? "too-large" : whyNot;
  const response = delivered(works, ask, held, { fwd, stored: spool.keep, whyNot: why });
  const finish = (bodyBytes: number) =>
    known >= 0 && known !== bodyBytes ? null : sealMeta({ ...meta, bodyBytes });
  const run = () => void spool.run(body.rest, body.first, finish);
  flight.land({ kind: "shared", held, fwdStatus: meta.status });
  // Whoever fetched it may want none of it (304, 416): then it is for those who waited, if there are any.
  if (spool.isRead) run();
  else setTimeout(run);
  return { response, coming: held };
}
