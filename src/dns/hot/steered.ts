import type { Choice } from "../../model/decision.ts";
import type { GroupIndex, SiteIndex } from "../../model/snapshot.ts";
import { pick, steer, type View } from "../../policy/steering/mod.ts";
import { CLASS, HEADER_BYTES, TYPE } from "../../wire/dns/mod.ts";
import type { Family } from "../../wire/ip/mod.ts";
import type { Stale } from "./mirror.ts";
import { encodeAddress } from "./record-data.ts";

/** When all servers are down and all are answered, at most so many fit into any packet. */
const ALL_DOWN_MAX = 16;

/** The decision for one (subject, group, family), with what was counted of it. */
export interface SteeredSet {
  readonly site: SiteIndex | null;
  readonly group: GroupIndex;
  readonly ttlSec: number;
  readonly choices: readonly Choice[];
  /** Per choice, 4 or 16 octets. */
  readonly data: readonly Uint8Array[];
  /** Answer every choice, since nothing is up: clients find out which one works. */
  readonly all: boolean;
  /** The only choice that can be drawn, or -1. */
  readonly only: number;
  /** Answers given since the last drain, and per choice. */
  lookups: number;
  readonly answered: Uint32Array;
}

/** A place of the hash table, in words: subject + 1 (0 is free), group and family, row. */
const PLACE = 4;
/** A row, in words: one cache line. */
const ROW = 16;
/** 0 until decided and when stale; then the length of the record to copy, or -1 to go by the set. */
const LENGTH = 0;
/** Answers copied from this row since the last drain. */
const COUNT = 1;
/** The next row of the same subject plus one, or 0. */
const NEXT = 2;
/** Where the record's octets begin, in bytes: owner, type, class, TTL, length and address. */
const RECORD_AT = 16;
const RECORD_HEAD = 12;
/**
 * Decisions kept at most, about 100 MB: clients can ask for every site from every group. Beyond it
 * all are forgotten and made again when asked.
 */
const ROWS_MAX = 200_000;

/**
 * Decisions computed at the first question for each (subject, group, family) and kept until what
 * they depend on changes. A subject is 0 for caches, or a site plus one. Nearly all decisions are
 * for one server: these lie as a record ready to be copied, one cache line each. Counts survive a
 * new decision: they go to the set they belong to, which waits for the drain.
 */
export class SteeredTable {
  readonly #view: View;
  readonly #rowsMax: number;
  #places = new Int32Array(1024 * PLACE);
  #rows = new Int32Array(512 * ROW);
  #bytes = new Uint8Array(this.#rows.buffer);
  readonly #sets: SteeredSet[] = [];
  /** Subject -> its last row plus one. */
  readonly #rowsOf: number[] = [];
  readonly #countedRows: number[] = [];
  #countedSets: SteeredSet[] = [];

  constructor(view: View, rowsMax = ROWS_MAX) {
    this.#view = view;
    this.#rowsMax = rowsMax;
  }

  /** Decisions kept at present. */
  get size(): number {
    return this.#sets.length;
  }

  /** Forgets decisions about these; the view was changed in place before. */
  forget(stale: Stale): void {
    if (stale.edges) this.#forgetSubject(0);
    for (const site of stale.sites) this.#forgetSubject(site + 1);
  }

  #forgetSubject(subject: number): void {
    for (let next = this.#rowsOf[subject] ?? 0; next > 0; ) {
      const row = (next - 1) * ROW;
      this.#rows[row + LENGTH] = 0;
      next = this.#rows[row + NEXT]!;
    }
  }

  /** The row of a decision, made if there is none. Hot: two cache misses. */
  row(subject: number, group: GroupIndex, family: Family): number {
    const places = this.#places;
    const mask = places.length / PLACE - 1;
    const key = group * 2 + (family === 4 ? 0 : 1);
    for (let slot = hashKey(subject, key) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * PLACE;
      if (places[at] === 0) return this.#add(subject, group, family);
      if (places[at] !== subject + 1 || places[at + 1] !== key) continue;
      const row = places[at + 2]!;
      if (this.#rows[row * ROW + LENGTH] === 0) this.#decide(row, subject, { group, family });
      return row;
    }
  }

  /**
   * Copies the record for the question's own name to `out` and counts it; returns its length, or
   * -1 when the set must be asked. Hot.
   */
  copy(row: number, out: Uint8Array, at: number): number {
    const rows = this.#rows;
    const words = row * ROW;
    const length = rows[words + LENGTH]!;
    if (length < 0) return -1;
    const bytes = this.#bytes;
    const from = words * 4 + RECORD_AT;
    for (let i = 0; i < length; i++) out[at + i] = bytes[from + i]!;
    if (rows[words + COUNT] === 0) this.#countedRows.push(row);
    rows[words + COUNT]! += 1;
    return length;
  }

  set(row: number): SteeredSet {
    return this.#sets[row]!;
  }

  /** The index of the choice drawn. */
  draw(set: SteeredSet, seed: number): number {
    if (set.only >= 0) return set.only;
    const choice = pick(set.choices, seed);
    return choice === null ? -1 : set.choices.indexOf(choice);
  }

  /** Counts one answer that named this choice; -1 for all of them. */
  count(set: SteeredSet, choice: number): void {
    this.#credit(set, choice, 1);
  }

  #credit(set: SteeredSet, choice: number, times: number): void {
    if (set.lookups === 0) this.#countedSets.push(set);
    set.lookups += times;
    if (choice >= 0) set.answered[choice]! += times;
    else for (let i = 0; i < set.answered.length; i++) set.answered[i]! += times;
  }

  /** Sets with counts since the last drain; the caller reads them and then resets each. */
  drain(): readonly SteeredSet[] {
    for (const row of this.#countedRows) this.#settle(row);
    this.#countedRows.length = 0;
    const counted = this.#countedSets;
    this.#countedSets = [];
    return counted;
  }

  /** Gives a row's count to its set. */
  #settle(row: number): void {
    const count = this.#rows[row * ROW + COUNT]!;
    this.#rows[row * ROW + COUNT] = 0;
    const set = this.#sets[row]!;
    if (count > 0) this.#credit(set, set.only, count);
  }

  #add(subject: number, group: GroupIndex, family: Family): number {
    if (this.#sets.length >= this.#rowsMax) this.#clear();
    const row = this.#sets.length;
    if ((row + 1) * 2 > this.#places.length / PLACE) this.#grow();
    if ((row + 1) * ROW > this.#rows.length) {
      const rows = new Int32Array(this.#rows.length * 2);
      rows.set(this.#rows);
      this.#rows = rows;
      this.#bytes = new Uint8Array(rows.buffer);
    }
    this.#place(subject, group * 2 + (family === 4 ? 0 : 1), row);
    this.#rows[row * ROW + NEXT] = this.#rowsOf[subject] ?? 0;
    this.#rowsOf[subject] = row + 1;
    this.#decide(row, subject, { group, family });
    return row;
  }

  #clear(): void {
    for (const row of this.#countedRows) this.#settle(row);
    this.#countedRows.length = 0;
    this.#places.fill(0);
    this.#sets.length = 0;
    this.#rowsOf.length = 0;
  }

  #place(subject: number, key: number, row: number): void {
    const places = this.#places;
    const mask = places.length / PLACE - 1;
    let slot = hashKey(subject, key) & mask;
    while (places[slot * PLACE] !== 0) slot = (slot + 1) & mask;
    places.set([subject + 1, key, row], slot * PLACE);
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Int32Array(before.length * 2);
    for (let at = 0; at < before.length; at += PLACE) {
      if (before[at] !== 0) this.#place(before[at]! - 1, before[at + 1]!, before[at + 2]!);
    }
  }

  #decide(row: number, subject: number, client: { group: GroupIndex; family: Family }): void {
    // A row may stand in `#countedRows` still; its count is 0 then, and the drain passes it by.
    if (this.#sets[row] !== undefined) this.#settle(row);
    const set = decideSet(this.#view, subject === 0 ? null : subject - 1, client);
    this.#sets[row] = set;
    const words = row * ROW;
    if (set.only < 0 || set.all) {
      this.#rows[words + LENGTH] = -1;
      return;
    }
    const data = set.data[set.only]!;
    this.#rows[words + LENGTH] = RECORD_HEAD + data.length;
    const type = client.family === 4 ? TYPE.A : TYPE.AAAA;
    const view = new DataView(this.#rows.buffer, words * 4 + RECORD_AT);
    view.setUint16(0, 0xc000 | HEADER_BYTES);
    view.setUint16(2, type);
    view.setUint16(4, CLASS.IN);
    view.setUint32(6, set.ttlSec);
    view.setUint16(10, data.length);
    this.#bytes.set(data, words * 4 + RECORD_AT + RECORD_HEAD);
  }
}

function decideSet(
  view: View,
  site: SiteIndex | null,
  client: { readonly group: GroupIndex; readonly family: Family },
): SteeredSet {
  const ask = site === null ? ({ for: "edges" } as const) : ({ for: "origins", site } as const);
  const addressOf = (choice: Choice) => (client.family === 4 ? choice.v4 : choice.v6);
  const decision = steer(view, ask, client);
  const all = decision.allDown;
  const usable = decision.choices.filter((choice) => addressOf(choice) !== null);
  const choices = all ? usable.slice(0, ALL_DOWN_MAX) : usable;
  return {
    site,
    group: client.group,
    ttlSec: decision.ttlSec,
    choices,
    data: choices.map((choice) => encodeAddress(addressOf(choice) ?? "")),
    all: all && choices.length > 1,
    only: onlyChoice(choices),
    lookups: 0,
    answered: new Uint32Array(choices.length),
  };
}

/** As `pick()` would draw whatever the seed, or -1 where it depends on that. */
function onlyChoice(choices: readonly Choice[]): number {
  const weighted = choices.filter((choice) => choice.weight > 0).length;
  if (choices.length === 0 || weighted > 1) return -1;
  return weighted === 1 ? choices.findIndex((choice) => choice.weight > 0) : 0;
}

function hashKey(subject: number, key: number): number {
  const h = Math.imul(subject, 0x9e3779b1) ^ Math.imul(key, 0x85ebca6b);
  return h ^ (h >>> 15);
}
