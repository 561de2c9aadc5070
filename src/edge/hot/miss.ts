/**
 * The steps `miss` and `stale`: who waits for a fetch that is under way, and who makes one that others may wait
 * for. What is asked for and what comes of it is in hot/fetch-shared, for a part of something large in hot/fetch-part.
 */
import {
  isFresh,
  partToAsk,
  SLICE_BYTES,
  slice,
  variantMatches,
} from "../../policy/caching/mod.ts";
import type { Ask } from "./ask.ts";
import type { Fwd } from "./count.ts";
import { deliver, type Held, isAhead } from "./deliver.ts";
import type { PartLead } from "./fetch-part.ts";
import { fetchPartOrAll, fetchShared, isHere } from "./fetch-shared.ts";
import type { Coming, Flight, Landed } from "./flight.ts";
import { fwdOf, whyFetched } from "./fwd.ts";
import { serveHeldParts } from "./held-in-parts.ts";
import { cacheRequestOf } from "./meta.ts";
import { partInstead, wantsPartOf } from "./part-asked.ts";
import type { PartObject } from "./parts.ts";
import { pass, staleOnError } from "./pass.ts";
import { refusals } from "./refuse.ts";
import { isOnlyIfCached } from "./request-fields.ts";
import { codingAwaited, isDatedTwice } from "./rules-encode.ts";
import { type Serving, servePart } from "./serve-part.ts";
import { standIn } from "./stand-in.ts";
import type { Works } from "./works.ts";

/** How often somebody else's fetch has been waited for, and why this one would have gone forward. */
interface Waited {
  readonly tries: number;
  readonly waited?: Fwd;
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
    if (flight === undefined) return this.#lead(ask, stale);
    const fwd = fwdOf(whyFetched(this.#works, ask, stale), { stale: stale !== null });
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
      if (joins && this.#works.flights.of(ask.flight) === undefined) return this.#lead(ask, stale);
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
    const whyNot =
      held === null ? whyFetched(this.#works, ask, null) : this.#works.whyStale(held.meta);
    return this.#leadPart(ask, { part, held, whyNot });
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
      const { body } = await this.#leadPart(alone, { part, held, whyNot: "stale" });
      await body?.cancel();
    });
    return served;
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
    return this.#leadPart({ ...ask, flight }, { part, held, whyNot });
  }

  /** Makes a fetch of the whole that others may wait for; of a part where a large whole is held. */
  #lead(ask: Ask, stale: Held | null): Promise<Response> {
    const part = partInstead(ask, stale);
    return this.#led(ask, (flight) => fetchShared(this.#works, { ask, stale, flight, part }));
  }

  /** The same of a part of what is not held whole. */
  #leadPart(ask: Ask, o: Pick<PartLead, "part" | "held" | "whyNot">): Promise<Response> {
    return this.#led(ask, (flight) =>
      fetchPartOrAll(this.#works, { ...o, ask, flight, stale: null }),
    );
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
      const landed = await fetchShared(this.#works, { ask, stale, flight, part });
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
}
