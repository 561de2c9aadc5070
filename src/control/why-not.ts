import type { Clock } from "../base/clock.ts";
import type { Bus } from "../bus/mod.ts";
import type { WhyNotReply } from "../model/api/mod.ts";
import type { Feed } from "../model/feed.ts";
import type { NodeStats } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { WHY_NOT } from "../model/why-not.ts";
import { whyNotReport } from "../policy/caching/mod.ts";
import { Owners } from "./owners.ts";

/** Five minutes a bucket, and of these an hour, the one that is filling with them. */
const BUCKET_MS = 300_000;
const BUCKETS = 12;
/** Sites counted at most, about 3 KB each: further ones show nothing. */
const SITES_MAX = 10_000;
/** Fields of a bucket; the reasons follow. */
const REQUESTS = 0;
const HITS = 1;
const REASONS = 2;
const FIELDS = REASONS + WHY_NOT.length;

interface Counted {
  /** By bucket number modulo BUCKETS. */
  readonly bucketOf: Float64Array;
  readonly sums: Float64Array;
}

/** Why requests of each site were no hits in the last hour: for people, never for bills. */
export class WhyNotBook {
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #sites = new Map<string, Counted>();
  readonly #owners: Owners;
  readonly #stops: (() => void)[];

  constructor(o: { readonly bus: Bus; readonly feed: Feed; readonly clock: Clock }) {
    this.#clock = o.clock;
    this.#startedMs = o.clock.wallMs();
    this.#owners = new Owners(o.feed.snapshot());
    this.#stops = [
      o.bus.subscribe("stats", (stats) => this.#take(stats)),
      o.feed.onSnapshot((snapshot) => this.#forget(snapshot)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  site(hostname: string): WhyNotReply {
    const counted = this.#sites.get(hostname);
    const last = this.#bucket();
    const first = last - BUCKETS + 1;
    const sums = new Array<number>(FIELDS).fill(0);
    for (let bucket = first; bucket <= last; bucket++) {
      const slot = bucket % BUCKETS;
      if (counted?.bucketOf[slot] !== bucket) continue;
      for (let field = 0; field < FIELDS; field++) {
        sums[field]! += counted.sums[slot * FIELDS + field]!;
      }
    }
    const report = whyNotReport({
      requests: sums[REQUESTS]!,
      hits: sums[HITS]!,
      whyNot: Object.fromEntries(WHY_NOT.map((reason, i) => [reason, sums[REASONS + i]!])),
    });
    const { reasons, ...rest } = report;
    const sinceMs = Math.max(this.#startedMs, first * BUCKET_MS);
    return { sinceMs, ...rest, reasons: [...reasons] };
  }

  #take({ edge, whyNot = {} }: NodeStats): void {
    for (const [hostname, { requests, hits }] of Object.entries(edge)) {
      this.#add(hostname, REQUESTS, requests);
      this.#add(hostname, HITS, hits);
    }
    for (const [hostname, counts] of Object.entries(whyNot)) {
      for (const [i, reason] of WHY_NOT.entries()) {
        const n = counts[reason];
        if (n !== undefined) this.#add(hostname, REASONS + i, n);
      }
    }
  }

  #add(hostname: string, field: number, n: number): void {
    const counted = this.#of(hostname);
    if (counted === null) return;
    const bucket = this.#bucket();
    const slot = bucket % BUCKETS;
    if (counted.bucketOf[slot] !== bucket) {
      counted.bucketOf[slot] = bucket;
      counted.sums.fill(0, slot * FIELDS, (slot + 1) * FIELDS);
    }
    counted.sums[slot * FIELDS + field]! += n;
  }

  #of(hostname: string): Counted | null {
    const known = this.#sites.get(hostname);
    if (known !== undefined) return known;
    if (this.#sites.size >= SITES_MAX) return null;
    const bucketOf = new Float64Array(BUCKETS).fill(-1);
    const made = { bucketOf, sums: new Float64Array(BUCKETS * FIELDS) };
    this.#sites.set(hostname, made);
    return made;
  }

  #bucket(): number {
    return Math.floor(this.#clock.wallMs() / BUCKET_MS);
  }

  #forget({ sites }: Snapshot): void {
    const kept = new Set(sites.map((site) => site.hostname));
    const moved = this.#owners.moved({ sites });
    for (const hostname of this.#sites.keys()) {
      if (!kept.has(hostname) || moved.has(hostname)) this.#sites.delete(hostname);
    }
  }
}
