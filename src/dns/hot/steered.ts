import { assert } from "../../base/assert.ts";
import type { Choice } from "../../model/decision.ts";
import type { GroupIndex, SiteIndex } from "../../model/snapshot.ts";
import { pick, SHELVES, steer, type View } from "../../policy/steering/mod.ts";
import { CLASS, HEADER_BYTES, TYPE, type Writer } from "../../wire/dns/mod.ts";
import type { Family } from "../../wire/ip/mod.ts";
import type { HealthMirror, Stale } from "./mirror.ts";
import { encodeAddress } from "./record-data.ts";
import { askOf, shelfOfSubject } from "./subject.ts";

/** When all servers are down and all are answered, at most so many fit into any packet. */
const ALL_DOWN_MAX = 16;

/** A decision of which more than one record is known: a draw, all servers, or none. */
export interface SteeredSet {
  readonly ttlSec: number;
  readonly choices: readonly Choice[];
  /** Per choice, 4 or 16 octets. */
  readonly data: readonly Uint8Array[];
  /** Answer every choice, since nothing is up: clients find out which one works. */
  readonly all: boolean;
  /** The only choice that can be drawn, or -1. */
  readonly only: number;
  /** The row that it belongs to, whose lookups it counts too. */
  readonly row: number;
  /** Answers since the last drain, per choice. */
  readonly answered: Uint32Array;
}

/** What was counted of decisions since the last drain. */
export interface SteeredCounts {
  /** Threes: subject, group, answers given. */
  readonly lookups: Uint32Array;
  /** Pairs: target (the snapshot's origins, then its nodes), times it was answered. */
  readonly answers: Uint32Array;
  /** Pairs: site, queries for its steered names besides the lookups of its servers. */
  readonly others: Uint32Array;
}

/** A place of the hash table, in words: row plus one (0 is free), and the hash. */
const PLACE = 2;
/** A row, in words: one cache line. */
const ROW = 16;
/** 0 until decided and when stale; then the length of the record to copy, or -1 to go by the set. */
const LENGTH = 0;
/** Answers from this row since the last drain. */
const COUNT = 1;
/** The next row of the same subject plus one, or 0. */
const NEXT = 2;
const SUBJECT = 3;
/** Twice the group, plus one for IPv6. */
const KEY = 4;
/** The target of the record to copy, as counts name it; -1 for none. */
const TARGET = 5;
/** Where the record's octets begin, in bytes: owner, type, class, TTL, length and address. */
const RECORD_AT = 24;
const RECORD_HEAD = 12;
const RECORD_OWNER = 2;
const ROWS_LEAST = 512;
/**
 * Decisions kept at most, 16 MB: clients can ask for every site from every group. Beyond it all are
 * forgotten and made again when asked.
 */
const ROWS_MAX = 200_000;

/**
 * Decisions computed at the first question for each (subject, group, family) and kept until what
 * they depend on changes. A subject is 0 for caches, or a site plus one. Nearly all decisions are
 * for one server: these lie as a record ready to be copied, one cache line each, and nothing else
 * is kept of them. What was counted survives a new decision.
 */
export class SteeredTable {
  readonly #mirror: Pick<HealthMirror, "view">;
  readonly #origins: number;
  readonly #rowsMax: number;
  #size = 0;
  #places = new Int32Array(ROWS_LEAST * 2 * PLACE);
  #rows = new Int32Array(ROWS_LEAST * ROW);
  #bytes = new Uint8Array(this.#rows.buffer);
  readonly #sets = new Map<number, SteeredSet>();
  readonly #sites: number;
  /** Subject, shelves after all sites -> its last row plus one. */
  readonly #rowsOf: Uint32Array;
  /** Rows that have counts, each once. */
  readonly #counted = new Numbers();
  readonly #lookups = new Numbers();
  /** Per target, and those that are not 0. */
  readonly #answers: Uint32Array;
  readonly #answered = new Numbers();
  /** Per site, and those that are not 0. */
  readonly #others: Uint32Array;
  readonly #asked = new Numbers();

  constructor(mirror: Pick<HealthMirror, "view">, of: SteeredOf, rowsMax = ROWS_MAX) {
    this.#mirror = mirror;
    this.#origins = of.origins;
    this.#rowsMax = rowsMax;
    this.#sites = of.sites;
    this.#rowsOf = new Uint32Array(of.sites + 1 + SHELVES);
    this.#answers = new Uint32Array(of.origins + of.nodes);
    this.#others = new Uint32Array(of.sites);
  }

  /** Decisions kept at present. */
  get size(): number {
    return this.#size;
  }

  /** Forgets decisions about these; the mirror was changed before. Returns how many. */
  forget(stale: Stale): number {
    let forgotten = 0;
    if (stale.edges) {
      forgotten += this.#forgetHead(0);
      for (let shelf = 0; shelf < SHELVES; shelf++) {
        forgotten += this.#forgetHead(this.#sites + 1 + shelf);
      }
    }
    for (const site of stale.sites) forgotten += this.#forgetHead(site + 1);
    return forgotten;
  }

  /** Where a subject's rows begin. */
  #headOf(subject: number): number {
    const shelf = shelfOfSubject(subject);
    return shelf < 0 ? subject : this.#sites + 1 + shelf;
  }

  #forgetHead(head: number): number {
    let forgotten = 0;
    for (let next = this.#rowsOf[head]!; next > 0; forgotten++) {
      const row = (next - 1) * ROW;
      this.#rows[row + LENGTH] = 0;
      next = this.#rows[row + NEXT]!;
    }
    return forgotten;
  }

  /** The row of a decision, made if there is none. Hot: two cache misses. */
  row(subject: number, group: GroupIndex, family: Family): number {
    const places = this.#places;
    const rows = this.#rows;
    const mask = places.length / PLACE - 1;
    const key = group * 2 + (family === 4 ? 0 : 1);
    // Most subjects are asked for by one group: its row is known without a search.
    const last = this.#rowsOf[this.#headOf(subject)]! - 1;
    if (last >= 0 && rows[last * ROW + KEY] === key && rows[last * ROW + LENGTH] !== 0) return last;
    const hash = hashKey(subject, key);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = places[slot * PLACE]! - 1;
      if (row < 0) return this.#add(subject, key);
      if (places[slot * PLACE + 1] !== hash) continue;
      const words = row * ROW;
      if (rows[words + SUBJECT] !== subject || rows[words + KEY] !== key) continue;
      if (rows[words + LENGTH] === 0) this.#decide(row);
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
    this.#count(words, row);
    return length;
  }

  /** Whether there is one record to copy. */
  only(row: number): boolean {
    return this.#rows[row * ROW + LENGTH]! > 0;
  }

  /** Writes that record without its owner, which is another name, and counts it. */
  append(row: number, out: Writer): void {
    const words = row * ROW;
    const from = words * 4 + RECORD_AT;
    out.copy(this.#bytes, from + RECORD_OWNER, from + this.#rows[words + LENGTH]!);
    this.#count(words, row);
  }

  #count(words: number, row: number): void {
    if (this.#rows[words + COUNT] === 0) this.#counted.push(row);
    this.#rows[words + COUNT]! += 1;
  }

  /** What there is to choose from at a row of which nothing can be copied. */
  set(row: number): SteeredSet {
    return this.#sets.get(row)!;
  }

  /** The index of the choice drawn. */
  draw(set: SteeredSet, seed: number): number {
    const choice = pick(set.choices, seed);
    assert(choice !== null, "There is something to draw from");
    return set.choices.indexOf(choice);
  }

  /** Counts one answer that named this choice; -1 for all of them. */
  count(set: SteeredSet, choice: number): void {
    this.#count(set.row * ROW, set.row);
    if (choice >= 0) set.answered[choice]! += 1;
    else for (let i = 0; i < set.answered.length; i++) set.answered[i]! += 1;
  }

  /** Counts a query for a steered name of this site that is no lookup of its servers. */
  countOther(site: SiteIndex): void {
    if (this.#others[site] === 0) this.#asked.push(site);
    this.#others[site]! += 1;
  }

  /** What was counted since the last drain. */
  drain(): SteeredCounts {
    const { values, count } = this.#counted;
    for (let i = 0; i < count; i++) this.#settle(values[i]!);
    this.#counted.clear();
    return {
      lookups: this.#lookups.take(),
      answers: takePairs(this.#answered, this.#answers),
      others: takePairs(this.#asked, this.#others),
    };
  }

  /** Adds up a row's counts, which belong to the decision that it still holds. */
  #settle(row: number): void {
    const words = row * ROW;
    const rows = this.#rows;
    const count = rows[words + COUNT]!;
    if (count === 0) return;
    rows[words + COUNT] = 0;
    this.#lookups.push(rows[words + SUBJECT]!);
    this.#lookups.push(rows[words + KEY]! >> 1);
    this.#lookups.push(count);
    const set = this.#sets.get(row);
    if (set === undefined) {
      this.#answer(rows[words + TARGET]!, count);
      return;
    }
    for (const [i, choice] of set.choices.entries()) {
      this.#answer(targetOf(choice, this.#origins), set.answered[i]!);
    }
    set.answered.fill(0);
  }

  #answer(target: number, count: number): void {
    if (target < 0 || count === 0) return;
    if (this.#answers[target] === 0) this.#answered.push(target);
    this.#answers[target]! += count;
  }

  #add(subject: number, key: number): number {
    if (this.#size >= this.#rowsMax) this.#clear();
    const row = this.#size++;
    if ((row + 1) * 2 > this.#places.length / PLACE) this.#grow();
    if ((row + 1) * ROW > this.#rows.length) {
      const rows = new Int32Array(this.#rows.length * 2);
      rows.set(this.#rows);
      this.#rows = rows;
      this.#bytes = new Uint8Array(rows.buffer);
    }
    const words = row * ROW;
    this.#rows[words + COUNT] = 0;
    const head = this.#headOf(subject);
    this.#rows[words + NEXT] = this.#rowsOf[head]!;
    this.#rows[words + SUBJECT] = subject;
    this.#rows[words + KEY] = key;
    this.#rowsOf[head] = row + 1;
    this.#place(row);
    this.#decide(row);
    return row;
  }

  #clear(): void {
    const { values, count } = this.#counted;
    for (let i = 0; i < count; i++) this.#settle(values[i]!);
    this.#counted.clear();
    this.#places.fill(0);
    this.#sets.clear();
    this.#rowsOf.fill(0);
    this.#size = 0;
  }

  #place(row: number): void {
    const places = this.#places;
    const mask = places.length / PLACE - 1;
    const hash = hashKey(this.#rows[row * ROW + SUBJECT]!, this.#rows[row * ROW + KEY]!);
    let slot = hash & mask;
    while (places[slot * PLACE] !== 0) slot = (slot + 1) & mask;
    places[slot * PLACE] = row + 1;
    places[slot * PLACE + 1] = hash;
  }

  #grow(): void {
    const rows = this.#places.length / PLACE / 2;
    this.#places = new Int32Array(this.#places.length * 2);
    for (let row = 0; row < rows; row++) this.#place(row);
  }

  /** Decides for a row, and keeps what there is to choose from where it is not one record. */
  #decide(row: number): void {
    // It may stand among the counted still; its count is 0 then, and the drain passes it by.
    this.#settle(row);
    const words = row * ROW;
    const subject = this.#rows[words + SUBJECT]!;
    const key = this.#rows[words + KEY]!;
    const group = key >> 1;
    const family = (key & 1) === 0 ? 4 : 6;
    const set = decideSet(this.#mirror.view(subject), row, { subject, group, family });
    if (set.only < 0 || set.all) {
      this.#rows[words + LENGTH] = -1;
      this.#sets.set(row, set);
      return;
    }
    this.#sets.delete(row);
    const data = set.data[set.only]!;
    this.#rows[words + LENGTH] = RECORD_HEAD + data.length;
    this.#rows[words + TARGET] = targetOf(set.choices[set.only]!, this.#origins);
    const view = new DataView(this.#rows.buffer, words * 4 + RECORD_AT);
    view.setUint16(0, 0xc000 | HEADER_BYTES);
    view.setUint16(2, family === 4 ? TYPE.A : TYPE.AAAA);
    view.setUint16(4, CLASS.IN);
    view.setUint32(6, set.ttlSec);
    view.setUint16(10, data.length);
    this.#bytes.set(data, words * 4 + RECORD_AT + RECORD_HEAD);
  }
}

/** How much there is to decide about. */
export interface SteeredOf {
  readonly sites: number;
  readonly origins: number;
  readonly nodes: number;
}

/** Numbers one after the other in memory that is used again. */
class Numbers {
  values = new Uint32Array(64);
  count = 0;

  push(value: number): void {
    if (this.count === this.values.length) {
      const values = new Uint32Array(this.count * 2);
      values.set(this.values);
      this.values = values;
    }
    this.values[this.count++] = value;
  }

  clear(): void {
    this.count = 0;
  }

  take(): Uint32Array {
    const taken = this.values.slice(0, this.count);
    this.count = 0;
    return taken;
  }
}

/** What the table holds at these places, by pairs; both are emptied. */
function takePairs(places: Numbers, table: Uint32Array): Uint32Array {
  const pairs = new Uint32Array(places.count * 2);
  for (let i = 0; i < places.count; i++) {
    const place = places.values[i]!;
    pairs[i * 2] = place;
    pairs[i * 2 + 1] = table[place]!;
    table[place] = 0;
  }
  places.clear();
  return pairs;
}

function targetOf(choice: Choice, origins: number): number {
  if (choice.kind === "fallback") return -1;
  return choice.kind === "origin" ? choice.index : origins + choice.index;
}

function decideSet(
  view: View,
  row: number,
  client: { readonly subject: number; readonly group: GroupIndex; readonly family: Family },
): SteeredSet {
  const addressOf = (choice: Choice) => (client.family === 4 ? choice.v4 : choice.v6);
  const decision = steer(view, askOf(client.subject), { ...client, brief: true });
  const all = decision.allDown;
  const usable = decision.choices.filter((choice) => addressOf(choice) !== null);
  const choices = all ? usable.slice(0, ALL_DOWN_MAX) : usable;
  return {
    row,
    ttlSec: decision.ttlSec,
    choices,
    data: choices.map((choice) => encodeAddress(addressOf(choice)!)),
    all: all && choices.length > 1,
    only: onlyChoice(choices),
    answered: new Uint32Array(choices.length),
  };
}

/** As `pick()` would draw whatever the seed, or -1 where it depends on that. */
function onlyChoice(choices: readonly Choice[]): number {
  const weighted = choices.filter((choice) => choice.weight > 0).length;
  return weighted === 1 ? choices.findIndex((choice) => choice.weight > 0) : -1;
}

function hashKey(subject: number, key: number): number {
  const h = Math.imul(subject, 0x9e3779b1) ^ Math.imul(key, 0x85ebca6b);
  return h ^ (h >>> 15);
}
