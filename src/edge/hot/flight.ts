import type { WhyNot } from "../../model/why-not.ts";
import type { Ask } from "./ask.ts";
import { BriefNotes } from "./brief-notes.ts";
import type { Held } from "./deliver.ts";
import { NOTES_LENGTH_MAX, PRIVATE_KEY_MS, PRIVATE_KEYS_MAX } from "./limits.ts";
import { type Refusal, refusals } from "./refuse.ts";

/** How a fetch for a key came out, for those who waited for it. */
export type Outcome =
  | {
      readonly kind: "shared";
      readonly held: Held;
      /** What was answered; null: nothing was. */
      readonly fwdStatus: number | null;
      /** It is stale, and stands in for what could not be had. */
      readonly standsIn?: true;
    }
  /**
   * It says nothing of what others get: a part came and is held, the one request could not be sent, or is
   * why the answer is not kept. Whoever waits looks again.
   */
  | { readonly kind: "again" }
  /** It may be one user's own, or its server `failed`: everybody fetches alone what cannot be had here. */
  | { readonly kind: "private"; readonly failed?: true }
  | { readonly kind: "failed"; readonly refusal: Refusal };

/** One fetch under way, whose answer others may wait for. */
export interface Flight {
  readonly outcome: Promise<Outcome>;
  /** It is known how it came out; a body may still be on its way. */
  landed: boolean;
  land(outcome: Outcome): void;
  /** Set by a purge: it is delivered to those who wait already, and not stored. */
  purged: boolean;
  /** Called on a purge. */
  onPurge: () => void;
}

/** Who makes a fetch that others may wait for. */
export interface Lead {
  readonly ask: Ask;
  readonly flight: Flight;
  /** What is held whole, and not to be served as it is. */
  readonly stale: Held | null;
  /** Why it is made. */
  readonly whyNot: WhyNot;
}

export type Coming = Extract<Held, { kind: "spool" }>;

/** How a fetch that others may wait for came out for the one who made it. */
export interface Landed {
  readonly response: Response;
  /** Its body on its way, which others may join; null: it has come. */
  readonly coming: Coming | null;
}

/** Somebody who would store an answer for a key, and must not if the key is purged meanwhile. */
export interface Watch {
  purged: boolean;
  end(): void;
}

/**
 * Who fetches what at present. Requests for one key wait for one fetch until it is known whether its
 * answer may be shared; keys whose answers may not are remembered for a while, so that nobody waits.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #private = new BriefNotes({
    ...{ ms: PRIVATE_KEY_MS, most: PRIVATE_KEYS_MAX, lengthMax: NOTES_LENGTH_MAX },
  });
  readonly #watches = new Map<string, Set<Watch>>();

  of(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  start(key: string): Flight {
    const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
    const land = (how: Outcome) => {
      flight.landed = true;
      resolve(how);
    };
    const flight: Flight = { outcome, landed: false, land, purged: false, onPurge: () => {} };
    this.#flights.set(key, flight);
    return flight;
  }

  end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  /** Until its end it is told of purges of this key. */
  watch(key: string): Watch {
    const all = this.#watches.get(key) ?? new Set();
    this.#watches.set(key, all);
    const end = () => {
      all.delete(watch);
      if (all.size === 0 && this.#watches.get(key) === all) this.#watches.delete(key);
    };
    const watch: Watch = { purged: false, end };
    all.add(watch);
    return watch;
  }

  /** Later requests do not join what began before the purge, whatever parts rules add to the key. */
  purge(key: string): void {
    const parted = `${key} `;
    for (const [name, watches] of this.#watches) {
      if (name !== key && !name.startsWith(parted)) continue;
      for (const watch of watches) watch.purged = true;
    }
    for (const [name, flight] of this.#flights) {
      if (name !== key && !name.startsWith(parted)) continue;
      flight.purged = true;
      flight.onPurge();
      this.#flights.delete(name);
    }
  }

  /**
   * Later requests for keys that begin so join nothing that began before. What comes of it may be
   * stored: it says how many purges it knows of, and is held against the later ones when it is read.
   */
  leaveAll(prefix: string): void {
    for (const key of this.#flights.keys()) if (key.startsWith(prefix)) this.#flights.delete(key);
  }

  isPrivate(key: string, monoMs: number): boolean {
    return this.#private.has(key, monoMs);
  }

  notePrivate(key: string, monoMs: number): void {
    this.#private.note(key, monoMs);
  }

  noteShared(key: string): void {
    this.#private.forget(key);
  }
}

/** What is wrong with the one request is not wrong with those of others. */
export function failedBy(refusal: Refusal): Outcome {
  return refusal === refusals.badField ? { kind: "again" } : { kind: "failed", refusal };
}
