import type { Clock } from "../../base/clock.ts";
import type { Bus } from "../../bus/bus.ts";
import { type AccessEntry, accessLine } from "../access-log.ts";

const TELL_MS = 500;
/** Sites that are followed at once at this cache; more are not told of. */
const SITES_MAX = 64;
/** Lines of a site, and characters of them, that are told at once; more are counted and left out. */
const LINES_MAX = 200;
const CHARS_MAX = 131_072;

interface Followed {
  readonly customer: string;
  readonly site: string;
  untilMs: number;
  lines: string[];
  chars: number;
  dropped: number;
}

/** Tells lines of sites that somebody follows at present, twice a second. Nothing waits for it. */
export class LogTail {
  readonly #o: { readonly node: string; readonly bus: Bus; readonly clock: Clock };
  /** By hostname: a site has one customer at a time. */
  readonly #followed = new Map<string, Followed>();
  readonly #unsubscribe: () => void;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(o: { readonly node: string; readonly bus: Bus; readonly clock: Clock }) {
    this.#o = o;
    this.#unsubscribe = o.bus.subscribe("log.tail", ({ customer, site, forMs }) => {
      const before = this.#followed.get(site);
      const untilMs = o.clock.monoMs() + forMs;
      if (before?.customer === customer) {
        before.untilMs = untilMs;
        return;
      }
      if (before === undefined && this.#followed.size >= SITES_MAX) return;
      this.#followed.set(site, { customer, site, untilMs, lines: [], chars: 0, dropped: 0 });
      this.#timer ??= setInterval(() => this.tell(), TELL_MS);
    });
  }

  /** False: nobody follows any site. */
  get any(): boolean {
    return this.#followed.size > 0;
  }

  take(site: string, entry: AccessEntry): void {
    const followed = this.#followed.get(site);
    // Who has the name now may be another than he who follows it.
    if (followed === undefined || followed.customer !== entry.customer) return;
    if (followed.lines.length >= LINES_MAX || followed.chars >= CHARS_MAX) {
      followed.dropped++;
      return;
    }
    const line = accessLine(entry, "json");
    followed.lines.push(line);
    followed.chars += line.length;
  }

  tell(): void {
    const nowMs = this.#o.clock.monoMs();
    for (const followed of this.#followed.values()) {
      const { customer, site, lines, dropped, untilMs } = followed;
      if (lines.length > 0 || dropped > 0) {
        const { node, bus } = this.#o;
        bus.publish("log.told", { node, customer, site, lines, dropped });
        Object.assign(followed, { lines: [], chars: 0, dropped: 0 });
      }
      if (untilMs <= nowMs) this.#followed.delete(site);
    }
    if (this.#followed.size === 0) this.#rest();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  stop(): void {
    this.#unsubscribe();
    this.#followed.clear();
    this.#rest();
  }
}
