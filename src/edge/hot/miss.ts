import type { WhyNot } from "../../model/why-not.ts";
import {
  conditionFields,
  isFresh,
  isOwnReason,
  isStrong,
  type OwnReason,
  partToAsk,
  SLICE_BYTES,
  type StoreVerdict,
  saysNothingOfOthers,
  selects,
  slice,
  storable,
  variantMatches,
  writeRange,
} from "../../policy/caching/mod.ts";
import { parseContentRange } from "../../wire/http/mod.ts";
import { MemoryObject, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { readBody } from "./body.ts";
import type { Fwd } from "./count.ts";
import { countIn, deliver, type Held, isAhead } from "./deliver.ts";
import { type Fetched, replaces } from "./fetched.ts";
import type { Flight, Outcome } from "./flight.ts";
import type { Prepared } from "./head.ts";
import { serveHeldParts } from "./held-in-parts.ts";
import { WHOLE_BYTES_MAX, WHOLE_MS } from "./limits.ts";
import { cacheRequestOf, dateMsOf, describe, emptyMeta, factsOf, getter } from "./meta.ts";
import type { PartObject } from "./parts.ts";
import { pass, passOn, staleOnError } from "./pass.ts";
import { type Refusal, refusals } from "./refuse.ts";
import { keepRenewed, renewed } from "./renew.ts";
import { isOnlyIfCached } from "./request-fields.ts";
import { codingAwaited, isDatedTwice } from "./rules-encode.ts";
import { type Serving, servePart } from "./serve-part.ts";
import { standIn } from "./stand-in.ts";
import type { Works } from "./works.ts";

/** Answers to conditions and ranges, where neither was asked: they are about nothing that is here. */
const UNASKED: ReadonlySet<number> = new Set([206, 304]);

type PartAsked = NonNullable<ReturnType<typeof partToAsk>>;

/** A part that is asked for; `whole`: what is held whole, and is not what its server has any more. */
interface PartFetch {
  readonly part: PartAsked;
  readonly held: PartObject | null;
  readonly flight: Flight;
  readonly whole?: Held | null;
  readonly whyNot: WhyNot;
}

type Coming = Extract<Held, { kind: "spool" }>;

/** How often somebody else's fetch has been waited for, and why this one would have gone forward. */
interface Waited {
  readonly tries: number;
  readonly waited?: Fwd;
}

/** How a fetch that others may wait for came out for the one who made it. */
interface Landed {
  readonly response: Response;
  /** Its body on its way, which others may join; null: it has come. */
  readonly coming: Coming | null;
}

/**
 * The steps `miss` and `stale`: what one request fetches, all who want the same may wait for, until
 * it is known whether it may be shared; then the step `store`.
 */
export class Misses {
  readonly #works: Works;
  readonly #lookAgain: (ask: Ask) => Promise<Response>;

  /** @param lookAgain the steps from the lookup on, for what was not held before it had its turn */
  constructor(works: Works, lookAgain: (ask: Ask) => Promise<Response>) {
    this.#works = works;
    this.#lookAgain = lookAgain;
  }

  /** Waits for a fetch of the same key that is under way, or makes one that others may wait for. */
  async serve(
    ask: Ask,
    stale: Held | null,
    { tries, waited }: Waited = { tries: 0 },
  ): Promise<Response> {
    const { clock } = this.#works;
    if (stale === null && waited !== undefined) {
      const came = await this.ofParts(ask, { waited });
      if (came !== null) return came;
    }
    if (this.#works.isPrivate(ask)) return pass(this.#works, ask);
    const range = stale === null ? ask.request.headers.get("range") : null;
    const response = range === null ? null : await this.#part(ask, range);
    if (response !== null) return response;
    const flight = this.#works.flights.of(ask.flight);
    if (flight === undefined) return this.lead(ask, stale);
    const fwd = fwdOf(this.#whyNot(ask, stale), { stale: stale !== null });
    const late = flight.landed;
    const outcome = await flight.outcome;
    const failed = outcome.kind === "failed" || (outcome.kind === "private" && outcome.failed);
    const instead = failed ? await standIn(this.#works, ask, outcome.kind === "private") : null;
    if (instead !== null) return instead;
    if (outcome.kind === "failed") return this.#works.refused(ask, outcome.refusal, fwd);
    if (outcome.kind === "again" && tries < 3) {
      const again = { tries: tries + 1, waited: fwd };
      return this.serve(ask, stale !== null && isHere(stale) ? stale : null, again);
    }
    if (outcome.kind !== "shared") return pass(this.#works, ask);
    const { held, fwdStatus, standsIn } = outcome;
    const canJoin = held.kind !== "spool" || held.spool.canJoin;
    const joins = canJoin && (standsIn === true || this.#mayJoin(ask, held, late));
    if (!joins || !variantMatches(held.meta, ask.get)) {
      // Another variant: fetched for others too, by the first of those who waited in vain.
      if (joins && this.#works.flights.of(ask.flight) === undefined) return this.lead(ask, stale);
      return pass(this.#works, ask);
    }
    const aside = await this.#aside(ask, held);
    if (aside !== null) return aside;
    const collapsed = true;
    if (standsIn === true || fwdStatus === null) {
      return staleOnError(this.#works, ask, held, { fwdStatus, collapsed });
    }
    await codingAwaited(held, ask);
    const { node } = this.#works;
    const status = { cache: node, fwd, fwdStatus, collapsed };
    return deliver(held, ask, { node, nowMs: clock.wallMs(), status });
  }

  /**
   * What is fresh is for all. What is old as it comes is for those who waited for it, but for who sends
   * cookies or credentials: another answer may be his. Who came when it was on its way did not wait for it.
   */
  #mayJoin(ask: Ask, { meta }: Held, late: boolean): boolean {
    const { cookie, authorization } = cacheRequestOf(ask);
    if (!late && !cookie && !authorization) return true;
    return isFresh(meta.freshness, this.#works.ageOf(meta));
  }

  /**
   * The step `lookup`, of what is held in parts only: the part that is asked for, or all of it, where that may
   * be served and nobody has to be asked for any of it. Null: it may not, or not all of it is held.
   */
  async ofParts(ask: Ask, how: Pick<Serving, "waited"> = {}): Promise<Response | null> {
    const held = await this.#works.heldParts.find(ask);
    if (held === null) return null;
    if (this.#works.isFresh(held.meta)) return serveHeldParts(this.#works, ask, held, how);
    return this.#meanwhile(ask, held);
  }

  /** Answers with a part without fetching the whole (H12). Null: the whole is to be fetched. */
  async #part(ask: Ask, range: string): Promise<Response | null> {
    const part = partToAsk(range);
    if (part === null) return null;
    const held = await this.#works.heldParts.find(ask);
    if (held !== null && this.#works.isFresh(held.meta)) {
      if (isDatedTwice(held.meta, ask)) return null;
      const served = await servePart(this.#works, ask, held, {});
      return served ?? pass(this.#works, ask, { partial: true });
    }
    // Somebody is about to learn whether it comes in parts.
    if (this.#works.flights.of(ask.flight) !== undefined) return null;
    const whyNot = held === null ? this.#whyNot(ask, null) : this.#works.whyStale(held.meta);
    return this.#led(ask, (flight) => this.#fetchPart(ask, { part, held, flight, whyNot }));
  }

  /** What is stale, and its whole validated behind it (RFC 5861 3). Null: it is not held, or may not. */
  async #meanwhile(ask: Ask, held: PartObject): Promise<Response | null> {
    if (!this.#works.mayRevalidateLater(held.meta)) return null;
    const served = await serveHeldParts(this.#works, ask, held, {
      detail: "stale-while-revalidate",
    });
    if (served === null || isOnlyIfCached(ask.request)) return served;
    const part = slice(Math.floor(held.meta.part.first / SLICE_BYTES));
    this.#works.later(ask, async (alone) => {
      const o = { part, held, whyNot: "stale" } as const;
      const { body } = await this.#led(alone, (flight) => this.#fetchPart(alone, { ...o, flight }));
      await body?.cancel();
    });
    return served;
  }

  /** The same for who makes a fetch, and for those who wait for it. */
  async #standInFor(
    fetched: Fetched | Refusal,
    { ask, flight }: { readonly ask: Ask; readonly flight: Flight },
  ): Promise<Landed | null> {
    const answered = !("status" in fetched);
    if (answered && fetched.response.status < 500) return null;
    const response = await standIn(this.#works, ask, answered);
    if (response === null) return null;
    if (answered) await fetched.response.body?.cancel();
    flight.land(answered ? { kind: "private", failed: true } : failedBy(fetched));
    return { response, coming: null };
  }

  /**
   * A part that a body on its way has not come to for long: from slices, beside it, so that nobody who
   * looks further on gets all that lies before. Null: it can be had from what comes.
   */
  async #aside(ask: Ask, coming: Held): Promise<Response | null> {
    const { flights, heldParts } = this.#works;
    const field = ask.request.headers.get("range");
    if (field === null || !isAhead(coming, ask.request.headers, this.#works.nowMs())) return null;
    const flight = `${ask.flight} aside`;
    // One of these at a time learns what the others then take slices of.
    let waited: Pick<Serving, "waited"> = {};
    for (let tries = 0; tries < 3 && flights.of(flight) !== undefined; tries++) {
      await flights.of(flight)?.outcome;
      waited = { waited: "partial" };
    }
    const held = await heldParts.find(ask);
    if (held !== null && this.#works.isFresh(held.meta)) {
      return servePart(this.#works, ask, held, waited);
    }
    const part = partToAsk(field);
    if (part === null || flights.of(flight) !== undefined) return null;
    const whyNot = held === null ? "not-held" : this.#works.whyStale(held.meta);
    return this.#led({ ...ask, flight }, (one) =>
      this.#fetchPart({ ...ask, flight }, { part, held, flight: one, whyNot }),
    );
  }

  async #fetchPart(ask: Ask, o: PartFetch): Promise<Landed> {
    const { held, flight } = o;
    const conditions = [["range", writeRange(o.part)]] as const;
    const prefer = held === null ? {} : { prefer: held.meta.part.origin };
    const fetched = await this.#works.fetch(ask, { conditions, shared: true, ...prefer });
    const standIn = await this.#standInFor(fetched, { ask, flight });
    if (standIn !== null) return standIn;
    if ("status" in fetched) {
      flight.land(failedBy(fetched));
      return { response: this.#works.refused(ask, fetched), coming: null };
    }
    if (fetched.response.status !== 206) {
      if (fetched.response.status === 416) {
        // There is no such part: who waits for another one, or for all of it, looks again.
        flight.land({ kind: "again" });
        if (wantsMore(ask.request.headers)) {
          await fetched.response.body?.cancel();
          return { response: await pass(this.#works, ask), coming: null };
        }
      }
      const stale = o.whole ?? null;
      const staleParts = held !== null;
      return this.#store({ ask, fetched, flight, stale, staleParts, whyNot: o.whyNot });
    }
    return this.#takePart(ask, o, fetched);
  }

  /** A part that came, for the one who asked for it and to be kept. */
  async #takePart(ask: Ask, o: PartFetch, fetched: Fetched): Promise<Landed> {
    const { held, flight } = o;
    const taken = await this.#works.heldParts.take(ask, fetched, held);
    if (taken === null) return { response: await this.#alone(ask), coming: null };
    if (o.whole != null && taken.own === null) await this.#works.cache.purge(ask.key);
    if (isDatedTwice(taken.object.meta, ask)) {
      return this.#fetchShared({ ask, stale: null, flight, part: null });
    }
    if (taken.keep && !flight.purged) {
      this.#works.heldParts.keep(taken.object, held);
      flight.land({ kind: "again" });
    } else {
      if (!taken.keep && taken.own === null && held !== null)
        await this.#works.heldParts.forget(ask.key);
      this.#keepApart(ask, flight, taken.own);
    }
    const asked = ask.request.headers.get("range") ?? writeRange(o.part);
    const fwd = fwdOf(o.whyNot, { stale: held !== null || o.whole != null });
    const came = {
      ...{ fwd, whyNot: o.whyNot, stored: taken.keep && !flight.purged },
      asCame: asked === writeRange(o.part),
    };
    const response = await servePart(this.#works, ask, taken.object, { came });
    return { response: response ?? (await this.#alone(ask)), coming: null };
  }

  /** What cannot be had from parts; where no part was asked for, nobody waits for it. */
  async #alone(ask: Ask): Promise<Response> {
    if (!ask.request.headers.has("range")) return this.#works.refused(ask, refusals.badGateway);
    return pass(this.#works, ask);
  }

  /** Makes a fetch of the whole that others may wait for; of a part where a large whole is held. */
  lead(ask: Ask, stale: Held | null): Promise<Response> {
    const part = partInstead(ask, stale);
    return this.#led(ask, (flight) => this.#fetchShared({ ask, stale, flight, part }));
  }

  /**
   * Renews what was served stale, for nobody who waits. A body that goes to disk does so while it is read,
   * so it is read to its end, for as long as it is being kept. For a part it is not (H12): then what is held
   * is of no use any more.
   *
   * @param of who was served
   */
  async renewLater(ask: Ask, stale: Held, of: Ask): Promise<void> {
    const part = partInstead(of, stale);
    let coming = null as Coming | null;
    const { body } = await this.#led(ask, async (flight) => {
      const landed = await this.#fetchShared({ ask, stale, flight, part });
      coming = landed.coming;
      return landed;
    });
    const isKept = () => coming?.spool.keep === true && coming.spool.canJoin;
    const forPart = coming !== null && wantsPartOf(coming.meta, of);
    const reader = body?.getReader();
    try {
      while (!forPart && isKept()) if ((await reader?.read())?.done !== false) return;
      await reader?.cancel();
      if (forPart) await this.#works.cache.purge(ask.key);
    } catch {
      // A server that breaks off has the stale one stay.
    }
  }

  /** Makes a fetch that others may wait for, once it has its turn: until then nobody waits for it. */
  async #led(ask: Ask, make: (flight: Flight) => Promise<Landed>): Promise<Response> {
    const { turn } = ask;
    const waits = turn?.takeNow() === false;
    if (waits && !(await turn.take())) return this.#works.refused(ask, refusals.greedy);
    try {
      if (!waits) return await this.#fly(ask, make);
      // Its client may have left, and others may have fetched it, meanwhile.
      if (ask.request.signal.aborted) return this.#works.refused(ask, refusals.greedy);
      return await this.#lookAgain(ask);
    } finally {
      turn?.give();
    }
  }

  async #fly(ask: Ask, make: (flight: Flight) => Promise<Landed>): Promise<Response> {
    const flight = this.#works.flights.start(ask.flight);
    let coming: Coming | null = null;
    try {
      const done = await make(flight);
      coming = done.coming;
      return done.response;
    } finally {
      // Whoever waits is let go, whatever went wrong here.
      flight.land({ kind: "private" });
      const end = () => this.#works.flights.end(ask.flight, flight);
      if (coming === null) end();
      else void coming.spool.landed.finally(end);
    }
  }

  /**
   * One fetch whose answer may be shared.
   *
   * @param o.part asked for with the conditions: if the whole has changed, this comes of the new one
   */
  async #fetchShared(o: {
    readonly ask: Ask;
    readonly stale: Held | null;
    readonly flight: Flight;
    readonly part: PartAsked | null;
  }): Promise<Landed> {
    const { ask, stale, flight, part } = o;
    const whyNot = this.#whyNot(ask, stale);
    const range = part === null ? [] : [["range", writeRange(part)] as const];
    const conditions = stale === null ? range : [...range, ...conditionFields(stale.meta)];
    let fetched = await this.#works.fetch(ask, { conditions, shared: true });
    if (!("status" in fetched) && fetched.response.status === 304) {
      const here = stale !== null && isHere(stale);
      const renewed = here ? await this.#renew(stale, { ask, flight, whyNot }, fetched) : null;
      if (renewed !== null) return renewed;
      fetched = await this.#works.fetch(ask, { conditions: range, shared: true });
    }
    if (part !== null && !("status" in fetched)) {
      const instead = await this.#cameInstead({ ask, stale, flight, part, whyNot }, fetched);
      if (instead !== null) return instead;
    }
    if (!("status" in fetched) && UNASKED.has(fetched.response.status)) {
      await fetched.response.body?.cancel();
      fetched = refusals.badGateway;
    }
    if (stale !== null && part === null && !("status" in fetched)) {
      const later = partOfLarge(ask, fetched);
      if (later !== null)
        return this.#fetchPartLater({ ask, flight, part: later, whole: stale, whyNot }, fetched);
    }
    const answered = !("status" in fetched);
    const failed = "status" in fetched || fetched.response.status >= 500;
    const here = stale !== null && isHere(stale);
    if (failed && here && this.#works.mayServeStale(stale.meta, answered)) {
      if (!("status" in fetched)) await fetched.response.body?.cancel();
      const fwdStatus = "status" in fetched ? null : fetched.response.status;
      flight.land({ kind: "shared", held: stale, fwdStatus, standsIn: true });
      const response = staleOnError(this.#works, ask, stale, { fwdStatus });
      return { response, coming: null };
    }
    const standIn = await this.#standInFor(fetched, { ask, flight });
    if (standIn !== null) return standIn;
    if ("status" in fetched) {
      flight.land(failedBy(fetched));
      return {
        response: this.#works.refused(ask, fetched, fwdOf(whyNot, { stale: stale !== null })),
        coming: null,
      };
    }
    return this.#store({ ask, fetched, flight, stale, whyNot });
  }

  /** A part in place of the whole. Null: something else came. */
  async #cameInstead(
    o: {
      readonly ask: Ask;
      readonly stale: Held | null;
      readonly flight: Flight;
      readonly part: PartAsked;
      readonly whyNot: WhyNot;
    },
    fetched: Fetched,
  ): Promise<Landed | null> {
    const { ask, stale, flight } = o;
    const { status, fields, body } = fetched.response;
    // There is no such part: who waits for another one, or for all of it, looks again.
    if (status === 416) flight.land({ kind: "again" });
    if (status === 416 && wantsMore(ask.request.headers)) {
      await body?.cancel();
      return { response: await pass(this.#works, ask), coming: null };
    }
    if (status !== 206) return null;
    const get = getter(fields);
    const sameTag = isStrong(get("etag")) && get("etag") === stale?.meta.etag;
    const said = parseContentRange(get("content-range"));
    if (stale !== null && isHere(stale) && sameTag && said?.sizeBytes === stale.meta.bodyBytes) {
      // It is a part of what is held: a server that looks at the range alone.
      await body?.cancel();
      const renewed = await this.#renew(stale, o, fetched);
      if (renewed !== null) return renewed;
    }
    const held = await this.#works.heldParts.find(ask);
    return this.#takePart(ask, { ...o, held, whole: stale }, fetched);
  }

  /** What was held small has become large: its transfer is broken off for the part that is wanted. */
  async #fetchPartLater(
    { ask, ...o }: Omit<PartFetch, "held"> & { readonly ask: Ask },
    fetched: Fetched,
  ): Promise<Landed> {
    await fetched.response.body?.cancel();
    return this.#fetchPart(ask, { ...o, held: await this.#works.heldParts.find(ask) });
  }

  /** Why a request is fetched for that others may wait for. */
  #whyNot(ask: Ask, stale: Held | null): WhyNot {
    if (stale !== null) return this.#works.whyStale(stale.meta);
    const { cache } = this.#works;
    if (ask.purged === true || cache.find(ask.key, ask.get) !== null) return "purged";
    const others = cache.memory.variantsOf(ask.key) > 0 || cache.mayHoldOnDisk(ask.key);
    return others ? "other-variant" : "not-held";
  }

  /** A 304 about what is held: the object with its new fields. Null: it is about something else. */
  async #renew(
    stale: Held,
    o: { readonly ask: Ask; readonly flight: Flight; readonly whyNot: WhyNot },
    fetched: Fetched,
  ): Promise<Landed | null> {
    const { response, receivedMs } = fetched;
    const dateMs = dateMsOf(stale.meta.fields, receivedMs);
    const says = factsOf(o.ask, response, receivedMs);
    if (!selects({ ...stale.meta, dateMs }, says) || stale.kind === "spool") return null;
    const { held, keep, own, moved } = renewed(stale, o.ask, fetched);
    if (own !== null) this.#keepApart(o.ask, o.flight, own);
    else if (!keep || moved) await this.#works.cache.purge(o.ask.key);
    // It has become private: nobody who waits gets it, and nobody after.
    if (!keep) o.flight.land({ kind: "private" });
    const kept = keep && !o.flight.purged ? keepRenewed(this.#works.cache, held) : held;
    return this.#renewed(o, { held: kept, stored: keep, fwdStatus: response.status });
  }

  async #renewed(
    o: { readonly ask: Ask; readonly flight: Flight; readonly whyNot: WhyNot },
    how: { readonly held: Held; readonly stored: boolean; readonly fwdStatus: number },
  ): Promise<Landed> {
    const { held, stored, fwdStatus } = how;
    if (stored) o.flight.land({ kind: "shared", held, fwdStatus });
    await codingAwaited(held, o.ask);
    const { node, clock } = this.#works;
    const status = { cache: node, fwd: "stale", fwdStatus, stored, whyNot: o.whyNot } as const;
    const response = deliver(held, o.ask, { node, nowMs: clock.wallMs(), status });
    return { response, coming: null };
  }

  /** The step `store`: keeps what may be kept, and delivers. */
  async #store(o: {
    readonly ask: Ask;
    readonly fetched: Fetched;
    readonly flight: Flight;
    readonly stale: Held | null;
    readonly staleParts?: boolean;
    readonly whyNot: WhyNot;
  }): Promise<Landed> {
    const { ask, fetched, flight, stale, whyNot } = o;
    const { response } = fetched;
    const facts = factsOf(ask, response, fetched.receivedMs);
    const verdict = storable(cacheRequestOf(ask, facts), facts);
    const partial = await this.#judgeParts(o, { verdict, etag: facts.etag });
    if (!verdict.store || !response.framed || facts.vary === "*" || fetched.unsure === true) {
      // What the other scheme gets may well be held: only this answer is for this client alone.
      const otherwise = !verdict.store && verdict.reason === "same-address";
      const own = !verdict.store && isOwnReason(verdict.reason) ? verdict.reason : null;
      const failed = response.status >= 500 ? ({ failed: true } as const) : {};
      if (!otherwise && !saysNothingOfOthers(response.status)) this.#keepApart(ask, flight, own);
      else flight.land({ kind: "private", ...failed });
      const why = fetched.unsure === true ? "unsure" : "unframed";
      const reason = verdict.store ? why : verdict.reason;
      return {
        response: await passOn(this.#works, ask, { fetched, reason, stale }),
        coming: null,
      };
    }
    this.#works.flights.noteShared(ask.flight);
    const body = await readBody(response, {
      wholeBytesMax: Math.min(WHOLE_BYTES_MAX, ask.entry.site.objectBytesMax),
      contentLength: response.contentLength,
      count: (bytes) => countIn(ask, fetched, bytes),
      holding: this.#works.holding,
      wholeMs: WHOLE_MS,
    }).catch(() => null);
    if (body === null && fetched.tier !== undefined) {
      // It was the parent that broke off, and nothing of its answer has been sent on yet.
      const direct = { conditions: [], shared: true, direct: true } as const;
      const again = await this.#works.fetch(ask, direct);
      if (!("status" in again)) return this.#store({ ...o, fetched: again });
    }
    if (body === null) {
      flight.land({ kind: "failed", refusal: refusals.badGateway });
      return { response: this.#works.refused(ask, refusals.badGateway), coming: null };
    }
    const fwd = fwdOf(whyNot, { stale: stale !== null || o.staleParts === true, partial });
    const meta = describe(emptyMeta(ask, facts, response), facts, fetched);
    if (body.kind === "large") {
      // What replaces what is held cannot be kept: the old one is not to be served any more.
      const isKept = (response.contentLength ?? 0) <= this.#works.bytesMaxOf(ask);
      if (stale !== null && !isKept) await this.#works.cache.purge(ask.key);
      return this.#spool({ ask, flight, meta, fetched, body, whyNot, fwd });
    }
    const whole = sealMeta({ ...meta, bodyBytes: body.bytes.byteLength });
    const stored = flight.purged ? null : this.#works.cache.admit(whole, body.bytes);
    const held = stored ?? new MemoryObject<Prepared>(whole, body.bytes);
    flight.land({ kind: "shared", held, fwdStatus: response.status });
    await codingAwaited(held, ask);
    return {
      response: this.#stored(held, ask, { fwd, stored: !flight.purged, whyNot }),
      coming: null,
    };
  }

  /**
   * What is held in parts, judged by a whole that came: another one, or one that is not to be kept, ends them, as
   * it does what is held whole. Not what answers this one client, or its scheme. True where there were some.
   */
  async #judgeParts(
    { ask, fetched }: { readonly ask: Ask; readonly fetched: Fetched },
    { verdict, etag }: { readonly verdict: StoreVerdict; readonly etag: string | null },
  ): Promise<boolean> {
    const held = await this.#works.heldParts.find(ask);
    if (held === null) return false;
    const same = verdict.store && isStrong(etag) && etag === held.meta.etag;
    const own =
      !verdict.store && (isOwnReason(verdict.reason) || verdict.reason === "same-address");
    if (!same && !own && replaces(fetched)) await this.#works.heldParts.forget(ask.key);
    return true;
  }

  /**
   * What came is not to be shared, and for a while nobody waits for the like. Where that lies in what this
   * request said of itself, it is so for who says the same: all others look again, and may keep what comes.
   */
  #keepApart(ask: Ask, flight: Flight, own: OwnReason | null): void {
    this.#works.notePrivate(ask, own);
    if (own !== null) this.#works.flights.end(ask.flight, flight);
    flight.land({ kind: own === null ? "private" : "again" });
  }

  #stored(
    held: Held,
    ask: Ask,
    o: { readonly fwd: Fwd; readonly stored: boolean; readonly whyNot: WhyNot },
  ): Response {
    const { node, clock } = this.#works;
    const status = { cache: node, fwdStatus: held.meta.status, ...o };
    return deliver(held, ask, { node, nowMs: clock.wallMs(), status });
  }

  /** A body too large to be held: to the client and to disk at once. */
  #spool(o: {
    readonly ask: Ask;
    readonly flight: Flight;
    readonly meta: ObjectMeta;
    readonly fetched: Fetched;
    readonly body: Extract<Awaited<ReturnType<typeof readBody>>, { kind: "large" }>;
    readonly whyNot: WhyNot;
    readonly fwd: Fwd;
  }): Landed {
    const { ask, flight, body, fwd } = o;
    const said = o.fetched.response.contentLength ?? undefined;
    const spool = this.#works.cache.spool(ask.entry.site.objectBytesMax, said);
    spool.keep = !flight.purged;
    flight.onPurge = () => {
      spool.keep = false;
    };
    const known = o.fetched.response.contentLength ?? -1;
    const meta = sealMeta({ ...o.meta, bodyBytes: known });
    const held = { kind: "spool", meta, spool } as const;
    const whyNot = known > ask.entry.site.objectBytesMax ? "too-large" : o.whyNot;
    const response = this.#stored(held, ask, { fwd, stored: true, whyNot });
    const finish = (bodyBytes: number) =>
      known >= 0 && known !== bodyBytes ? null : sealMeta({ ...meta, bodyBytes });
    const run = () => void spool.run(body.rest, body.first, finish);
    flight.land({ kind: "shared", held, fwdStatus: meta.status });
    // Whoever fetched it may want none of it (304, 416): then it is for those who waited, if there are any.
    if (spool.isRead) run();
    else setTimeout(run);
    return { response, coming: held };
  }
}

/** Why a request went on to a web server (RFC 9211 2.2). */
function fwdOf(
  whyNot: WhyNot,
  { stale, partial = false }: { readonly stale: boolean; readonly partial?: boolean },
): Fwd {
  if (stale) return "stale";
  if (partial) return "partial";
  return whyNot === "other-variant" ? "vary-miss" : "uri-miss";
}

/** Another range, or all of it where it is not what the client has a part of (RFC 9110 13.1.5, 15.5.17). */
function wantsMore(asked: Headers): boolean {
  return asked.has("if-range") || asked.get("range")?.includes(",") === true;
}

/** What is wrong with the one request is not wrong with those of others. */
function failedBy(refusal: Refusal): Outcome {
  return refusal === refusals.badField ? { kind: "again" } : { kind: "failed", refusal };
}

/**
 * What to ask for where a part of a large object is wanted that is held and stale: of one that changed
 * it is a part that comes, and not all of it (H12).
 */
function partInstead(ask: Ask, stale: Held | null): PartAsked | null {
  const range = ask.request.headers.get("range");
  if (range === null || stale === null || stale.meta.status !== 200) return null;
  return stale.meta.bodyBytes > WHOLE_BYTES_MAX ? partToAsk(range) : null;
}

/** True where only a part of something large is wanted. */
function wantsPartOf({ bodyBytes }: ObjectMeta, ask: Ask): boolean {
  const range = ask.request.headers.get("range");
  const isLarge = bodyBytes < 0 || bodyBytes > WHOLE_BYTES_MAX;
  return range !== null && isLarge && partToAsk(range) !== null;
}

/** What to ask for where what was held small has become large, and a part of it is wanted; else null. */
function partOfLarge(ask: Ask, { response }: Fetched): PartAsked | null {
  const range = ask.request.headers.get("range");
  if (range === null || response.status !== 200) return null;
  const isLarge = (response.contentLength ?? 0) > WHOLE_BYTES_MAX;
  return isLarge && getter(response.fields)("accept-ranges") === "bytes" ? partToAsk(range) : null;
}

/** What is on disk may have been given up while the origin was asked. */
function isHere(held: Held): boolean {
  return held.kind !== "file" || held.stored.alive;
}
