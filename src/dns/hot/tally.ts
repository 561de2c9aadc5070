import { RCODE, TYPE } from "../../wire/dns/mod.ts";

/** How a query came. */
export const PROTO = { UDP: 0, TCP: 1, TLS: 2, HTTPS: 3 } as const;
export const PROTO_NAMES = ["udp", "tcp", "tls", "https"] as const;

/** Types that are counted by name; all others together, so that no client makes up labels. */
export const TYPE_NAMES = [
  ...(["A", "AAAA", "NS", "SOA", "CNAME", "MX", "TXT", "SRV", "CAA", "PTR", "DS"] as const),
  ...(["DNSKEY", "HTTPS", "SVCB", "TLSA", "NAPTR", "ANY"] as const),
];
const TYPE_SLOTS = TYPE_NAMES.length + 1;
const OTHER = TYPE_NAMES.length;
const KNOWN_TYPES = 512;

/** Upper bounds of the buckets of durations, seconds. */
export const DURATION_SEC = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2] as const;
const RCODES = 24;
const REQUESTS = 0;
const RESPONSES = REQUESTS + PROTO_NAMES.length * 2 * TYPE_SLOTS;
const HELD = RESPONSES + RCODES;
const DURATIONS = HELD + 6;
const CELLS = DURATIONS + DURATION_SEC.length + 2;

/** What is counted besides: each is one cell. The last two: signatures made, and answers that none was made for. */
export const HELD_CELL = {
  TRUNCATED: 0,
  DROPPED: 1,
  PROVEN: 2,
  IGNORED: 3,
  SIGNATURES: 4,
  UNSIGNED: 5,
} as const;

/**
 * Counters of one thread, in a table of fixed size: requests by proto, family and type, responses by
 * code, and what the limits held back. Taken as a whole, added up in the main thread.
 */
export class Tally {
  readonly cells = new Float64Array(CELLS);
  readonly #slotOf = new Uint8Array(KNOWN_TYPES).fill(OTHER);

  constructor() {
    for (const [slot, name] of TYPE_NAMES.entries()) this.#slotOf[TYPE[name]] = slot;
  }

  /** Hot. */
  request(proto: number, family: 4 | 6, type: number): void {
    const slot = type < KNOWN_TYPES ? this.#slotOf[type]! : OTHER;
    this.cells[requestCell(proto, family === 4 ? 0 : 1, slot)]! += 1;
  }

  /** Hot. */
  response(rcode: number): void {
    this.cells[RESPONSES + (rcode < RCODES ? rcode : RCODE.SERVFAIL)]! += 1;
  }

  held(cell: number, times = 1): void {
    this.cells[HELD + cell]! += times;
  }

  /** One answer that took so long. */
  took(sec: number): void {
    let bucket = 0;
    while (bucket < DURATION_SEC.length && sec > DURATION_SEC[bucket]!) bucket += 1;
    this.cells[DURATIONS + bucket]! += 1;
    this.cells[CELLS - 1]! += sec;
  }

  /** A copy, and begins anew. */
  take(): Float64Array {
    const taken = this.cells.slice();
    this.cells.fill(0);
    return taken;
  }

  add(other: Float64Array): void {
    for (let i = 0; i < CELLS; i++) this.cells[i]! += other[i]!;
  }
}

function requestCell(proto: number, family: number, slot: number): number {
  return REQUESTS + (proto * 2 + family) * TYPE_SLOTS + slot;
}

/** One request counter by its labels, if it is not zero. */
export function* requestsOf(cells: Float64Array) {
  for (const [p, proto] of PROTO_NAMES.entries()) {
    for (const family of [0, 1]) {
      for (let slot = 0; slot < TYPE_SLOTS; slot++) {
        const count = cells[requestCell(p, family, slot)]!;
        if (count === 0) continue;
        yield { proto, family: String(family + 1), type: TYPE_NAMES[slot] ?? "other", count };
      }
    }
  }
}

/** One response counter by its code, if it is not zero. */
export function* responsesOf(cells: Float64Array) {
  const names = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));
  for (let code = 0; code < RCODES; code++) {
    const count = cells[RESPONSES + code]!;
    if (count > 0) yield { rcode: names.get(code) ?? String(code), count };
  }
}

export function heldOf(cells: Float64Array, cell: number): number {
  return cells[HELD + cell]!;
}

/** Per bucket and one for all above; and the sum of seconds. */
export function durationsOf(cells: Float64Array): { counts: readonly number[]; sumSec: number } {
  return { counts: [...cells.slice(DURATIONS, CELLS - 1)], sumSec: cells[CELLS - 1]! };
}
