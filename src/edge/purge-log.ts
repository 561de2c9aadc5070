import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Bus } from "../bus/bus.ts";
import type { Purge, PurgePlace, PurgeTerm } from "../model/purge.ts";
import { canonicalPath } from "../policy/caching/mod.ts";

const ASK_TIMEOUT_MS = 2_000;
/** How often the log is asked for what a lost message may have hidden. */
const ASK_EVERY_MS = 1_000;
/** Of more the log is not told: what it has in common with this node, it finds by the last ones. */
const TERMS_MAX = 32;

/**
 * Follows the purge log. Purges are applied in order, each durably on this node before the number is
 * written down, and the number before the acknowledgement: so whatever was acknowledged stays
 * purged across a restart.
 *
 *   start                       behind, until the log has said what was missed
 *   a purge, the next number    applied
 *   a purge further on          behind, the gap is asked for
 *   a purge of another term     behind, and asked which numbers mean the same purges there as here:
 *                               a control that was restored gives some of them again
 *   the log does not answer     as it was: caches serve without the control plane
 *
 * While behind, whatever is stored is validated with the origin before it is served.
 */
export class PurgeLog {
  readonly #o: PurgeLogOptions;
  #place: PurgePlace;
  #begun: number;
  #isBehind = true;
  #working: Promise<void> = Promise.resolve();
  #asking = false;
  #stopped = false;
  #unsubscribe: () => void = () => {};
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(o: PurgeLogOptions) {
    this.#o = o;
    this.#place = readPlace(o.path);
    this.#begun = this.#applied;
  }

  get behind(): boolean {
    return this.#isBehind;
  }

  set #behind(behind: boolean) {
    this.#isBehind = behind;
    this.#o.onBehind?.(behind);
  }

  get applied(): number {
    return this.#applied;
  }

  get #applied(): number {
    return this.#place.after;
  }

  /** Of the last purge applied; undefined: none is, or its number alone is known. */
  get #term(): string | undefined {
    return this.#place.terms?.at(-1)?.term;
  }

  /** Whether the purge that was given this number under this term is in force. */
  hasApplied(number: number, term: string | undefined): boolean {
    return number <= this.#applied && (term === undefined || term === this.#term);
  }

  /** The last purge that is applied or being applied: what is fetched now is of after it. */
  get begun(): number {
    return this.#begun;
  }

  start(): void {
    this.#behind = true;
    this.#o.onApplied?.(this.#applied, this.#term);
    this.#unsubscribe = this.#o.bus.subscribe("purge", (purge) => {
      // From this moment a gap may be known of, even before the queue comes to this purge.
      if (purge.number > this.#applied + 1 || !this.#isOfSameLog(purge)) this.#behind = true;
      this.#then(() => this.#take(purge));
    });
    this.#ask();
    this.#timer = setInterval(() => this.#ask(), ASK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#unsubscribe();
    await this.#working;
  }

  #then(act: () => Promise<void>): void {
    this.#working = this.#working.then(async () => {
      if (this.#stopped) return;
      await act().catch((fault: unknown) => {
        this.#behind = true;
        this.#o.log.error("A purge was not applied; stored objects are validated until it is", {
          fault,
        });
      });
    });
  }

  async #take(purge: Purge): Promise<void> {
    const isKnown = purge.number <= this.#applied;
    if (!this.#isOfSameLog(purge)) {
      // Now the log goes on from here, so what it had under a number as low as that is in force.
      if ((await this.#catchUp()) && isKnown) this.#acknowledge(purge);
      return;
    }
    if (isKnown) return this.#acknowledge(purge);
    if (purge.number > this.#applied + 1) return void (await this.#catchUp());
    await this.#apply([purge]);
    await this.#catchUpIfBehind();
  }

  /** Whether it is sure that the log which this purge is of goes through the last one applied here. */
  #isOfSameLog({ number, term, follows }: Purge): boolean {
    if (term === undefined || term === this.#term) return true;
    if (number !== this.#applied + 1) return false;
    return this.#applied === 0 || (follows !== undefined && follows === this.#term);
  }

  async #catchUpIfBehind(): Promise<void> {
    if (this.#isBehind) await this.#catchUp();
  }

  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#then(async () => {
      this.#asking = false;
      await this.#catchUp();
    });
  }

  /**
   * Asks for what came after the last number applied, until nothing did. No answer changes nothing.
   *
   * @returns whether nothing is missing now
   */
  async #catchUp(): Promise<boolean> {
    const { bus } = this.#o;
    for (;;) {
      const reply = await bus.request("purge.since", this.#place, ASK_TIMEOUT_MS).catch(() => null);
      if (reply === null || this.#stopped) return false;
      if (reply.purges.length > 0) {
        this.#behind = true;
        await this.#apply(reply.purges);
      } else await this.#learn(reply.term);
      this.#behind = reply.latest > this.#applied;
      if (!this.#isBehind || reply.purges.length === 0) return !this.#isBehind;
    }
  }

  /** A number of before there were terms: it is what the log has under it. */
  async #learn(term: string | undefined): Promise<void> {
    if (term === undefined || this.#term !== undefined || this.#applied === 0) return;
    const after = this.#applied;
    await this.#keep({ after, terms: [{ term, from: after, to: after }] });
  }

  async #keep(place: PurgePlace): Promise<void> {
    await writePlace(this.#o.path, place);
    this.#place = place;
    this.#o.onApplied?.(this.#applied, this.#term);
  }

  async #apply(purges: readonly Purge[]): Promise<void> {
    const { purge, ban, isKeyKnown } = this.#o;
    this.#begun = Math.max(this.#begun, purges.at(-1)?.number ?? 0);
    const bans = purges.filter(
      (one) => (one.scope ?? "url") !== "url" || one.soft === true || !isKeyKnown(one.site),
    );
    if (bans.length > 0) await ban(bans);
    const urls = purges.filter((one) => !bans.includes(one));
    await Promise.all(
      urls.map(async ({ customer, site, path: asked }) => {
        const canonical = canonicalPath(asked);
        if (canonical !== null) await purge({ customer, site, path: canonical });
      }),
    );
    await this.#keep(purges.reduce(placeAt, this.#place));
    for (const one of purges) this.#acknowledge(one);
  }

  #acknowledge({ number, term }: Purge): void {
    const { bus, node, clock } = this.#o;
    const of = term === undefined ? {} : { term };
    bus.publish("purge.ack", { number, node, atMs: clock.wallMs(), ...of });
  }
}

export interface PurgeLogOptions {
  readonly node: string;
  /** Where the last number applied is kept, and the terms of those up to it. */
  readonly path: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** Removes all that is held of a URL; resolves when it is gone from disk too. */
  readonly purge: (of: {
    readonly customer: string;
    readonly site: string;
    /** Path and query in their canonical form. */
    readonly path: string;
  }) => Promise<void>;
  /** Told at once, whenever that is known. */
  readonly onBehind?: (behind: boolean) => void;
  /** Told the last number that is in force, and its term, before that is acknowledged. */
  readonly onApplied?: (number: number, term: string | undefined) => void;
  /** Takes purges of more than one URL; resolves when they will hold after a crash. */
  readonly ban: (purges: readonly Purge[]) => Promise<void>;
  /** False where it cannot be told under which keys URLs of this site are held: then they are banned. */
  readonly isKeyKnown: (site: string) => boolean;
}

/** Of a purge that a control without terms told, the number alone is known. */
function placeAt({ terms = [] }: PurgePlace, { number: after, term }: Purge): PurgePlace {
  if (term === undefined) return { after };
  const last = terms.at(-1);
  const isSame = last?.term === term;
  const own = { term, from: isSame ? last.from : after, to: after };
  return { after, terms: [...(isSame ? terms.slice(0, -1) : terms), own].slice(-TERMS_MAX) };
}

/** Nothing applied when there is no file, or none that can be read: then the whole log is applied again. */
function readPlace(path: string): PurgePlace {
  try {
    const { applied, terms } = JSON.parse(readFileSync(path, "utf8")) as {
      readonly applied?: unknown;
      readonly terms?: unknown;
    };
    if (!isNumber(applied)) return { after: 0 };
    if (terms === undefined) return { after: applied };
    const isWhole = Array.isArray(terms) && terms.every(isTerm) && terms.at(-1)?.to === applied;
    return isWhole ? { after: applied, terms } : { after: 0 };
  } catch {
    return { after: 0 };
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

function isTerm(value: unknown): value is PurgeTerm {
  const { term, from, to } = (value ?? {}) as Readonly<Record<keyof PurgeTerm, unknown>>;
  return typeof term === "string" && isNumber(from) && isNumber(to);
}

async function writePlace(path: string, { after, terms }: PurgePlace): Promise<void> {
  const kept = { applied: after, ...(terms === undefined ? {} : { terms }) };
  const file = await open(`${path}.tmp`, "w");
  try {
    await file.writeFile(`${JSON.stringify(kept)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}
