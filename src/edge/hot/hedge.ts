import type { SiteFetch } from "../../model/site-fetch.ts";
import { HEDGE_BURST, HEDGE_MS_MIN, HEDGE_PART, HEDGED_SITES_MAX } from "./limits.ts";

/** Times to the head that a site's 95th percentile is taken from, and the fewest it is taken from. */
const TIMES = 256;
const TIMES_MIN = 20;
const RECKONED_EACH = 16;

interface SiteTimes {
  readonly ms: number[];
  noted: number;
  /** Null: not known yet. */
  p95Ms: number | null;
  budget: number;
}

/**
 * When a second server is asked because the first has not answered: later than 95 of 100 answers of the
 * site's servers come, or after a set time, for one fetch in twenty at most (Dean and Barroso, The Tail
 * at Scale, 2013). So servers that are slow altogether are not asked twice as much.
 */
export class Hedges {
  readonly #sites = new Map<string, SiteTimes>();

  /** A fetch goes out: ms after which another server may be asked, too. Null: none. */
  waitMs(hostname: string, hedge: NonNullable<SiteFetch["hedge"]>): number | null {
    const site = this.#of(hostname);
    site.budget = Math.min(HEDGE_BURST, site.budget + HEDGE_PART);
    if (hedge !== "p95") return hedge;
    return site.p95Ms === null ? null : Math.max(HEDGE_MS_MIN, site.p95Ms);
  }

  /** Takes one second request from the site's budget. False: there is none left. */
  take(hostname: string): boolean {
    const site = this.#of(hostname);
    if (site.budget < 1) return false;
    site.budget--;
    return true;
  }

  /** A head came after so long, or was not waited for any more then. */
  note(hostname: string, ms: number): void {
    const site = this.#of(hostname);
    site.ms[site.noted++ % TIMES] = ms;
    if (site.noted < TIMES_MIN || site.noted % RECKONED_EACH !== 0) return;
    const sorted = site.ms.toSorted((a, b) => a - b);
    site.p95Ms = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
  }

  #of(hostname: string): SiteTimes {
    const known = this.#sites.get(hostname);
    if (known !== undefined) return known;
    if (this.#sites.size >= HEDGED_SITES_MAX) {
      this.#sites.delete(this.#sites.keys().next().value!);
    }
    const site = { ms: [], noted: 0, p95Ms: null, budget: 1 };
    this.#sites.set(hostname, site);
    return site;
  }
}

/** One that is asked; given up, its result comes at once and means nothing. */
export interface Asking<T> {
  readonly result: Promise<T>;
  giveUp(): void;
}

/**
 * What the first says, or, where it says nothing for `waitMs`, whichever of two says something good
 * first; the other is given up. Else what both said, in the order in which they came.
 *
 * @param o.second null: nobody else can be asked
 * @param o.dismiss gets what the one that was given up said all the same
 */
export async function firstGood<T>(o: {
  readonly first: Asking<T>;
  readonly waitMs: number;
  readonly second: () => Asking<T> | null;
  readonly good: (said: T) => boolean;
  readonly dismiss: (said: T) => void;
}): Promise<readonly T[]> {
  const { first } = o;
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), o.waitMs);
  const early = await Promise.race([first.result.then((said) => ({ said })), late]).finally(() =>
    clearTimeout(timer),
  );
  if (early !== "late") return [early.said];
  const second = o.second();
  if (second === null) return [await first.result];
  const said = await Promise.race([
    first.result.then((it) => ({ it, other: second })),
    second.result.then((it) => ({ it, other: first })),
  ]);
  if (!o.good(said.it)) return [said.it, await said.other.result];
  said.other.giveUp();
  void said.other.result.then(o.dismiss, () => {});
  return [said.it];
}
