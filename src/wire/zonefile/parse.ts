import { bad, ok, type Problem, type Result } from "../../base/result.ts";
import {
  encodeName,
  isDataProblem,
  lowerCaseName,
  parseData,
  parseSeconds,
  TYPE,
  typeNumber,
  wholeName,
} from "../dns/mod.ts";
import { type Entry, type PlacedWord, splitEntries } from "./entries.ts";
import { countOf, fillTemplate, parseRange } from "./generate.ts";

/** A record of a master file: names and data in octets, whole, in lower case. */
export interface MasterRecord {
  readonly name: Uint8Array;
  readonly ttlSec: number;
  readonly type: number;
  readonly data: Uint8Array;
  /** Where it begins; of an included file, where the $INCLUDE stands. */
  readonly line: number;
  readonly column: number;
}

export interface ZoneFileOptions {
  /** The zone's name: the first origin, and what every owner must lie in. */
  readonly origin: string;
  /** For records without a TTL before any $TTL; else the SOA's minimum, or it is a problem. */
  readonly ttlSec?: number;
  /** The text of an included file; null refuses it. Without this, $INCLUDE is refused. */
  readonly include?: (name: string) => string | null;
  /** At most so many records, $GENERATE's among them. */
  readonly recordsMax?: number;
}

const RECORDS_MAX = 100_000;
/** Problems told; the rest would only repeat them. */
const PROBLEMS_MAX = 100;
const INCLUDE_DEPTH_MAX = 3;
const INCLUDES_MAX = 20;

/**
 * Reads a master file, or tells every problem with its line and column (RFC 1035 5).
 *
 * @example parseZoneFile("@ 1h IN MX 10 mail\nmail A 192.0.2.1", { origin: "shop.example" })
 */
export function parseZoneFile(text: string, o: ZoneFileOptions): Result<readonly MasterRecord[]> {
  const origin = encodeName(o.origin);
  if (origin === null) {
    return bad([{ path: "origin", message: "expected a name", received: o.origin }]);
  }
  const reader = new Reader(lowerCaseName(origin), o);
  reader.read(text, 0);
  if (reader.problems.length === 0) return ok(reader.records);
  const place = (p: Problem) => (p.line ?? 0) * 1_000_000 + (p.column ?? 0);
  return bad(reader.problems.toSorted((a, b) => place(a) - place(b)));
}

class Reader {
  readonly problems: Problem[] = [];
  readonly records: MasterRecord[] = [];
  readonly #zone: Uint8Array;
  readonly #o: ZoneFileOptions;
  #origin: Uint8Array;
  #owner: Uint8Array | null = null;
  /** $TTL, or what was given. */
  #ttlSec: number | null;
  /** TTL of the record before (RFC 1035 5.1), where no $TTL says otherwise. */
  #lastTtlSec: number | null = null;
  #includes = 0;
  /** The $INCLUDE that is being read. */
  #within: { readonly line: number; readonly column: number; readonly file: string } | null = null;
  #full = false;

  constructor(zone: Uint8Array, o: ZoneFileOptions) {
    this.#zone = zone;
    this.#origin = zone;
    this.#o = o;
    this.#ttlSec = o.ttlSec ?? null;
  }

  read(text: string, depth: number): void {
    const { entries, problems } = splitEntries(text);
    for (const { line, column, message } of problems) this.#wrong({ line, column }, message);
    for (const entry of entries) {
      if (this.#full) return;
      const first = entry.words[0]!;
      if (!entry.indented && !first.quoted && first.text.startsWith("$")) {
        this.#directive(entry, depth);
      } else this.#record(entry);
    }
  }

  #wrong(at: { line: number; column: number; text?: string }, message: string): void {
    if (this.problems.length >= PROBLEMS_MAX) return;
    const within = this.#within;
    const path = within === null ? "" : `${within.file}:${at.line}:${at.column}`;
    const { line, column } = within ?? at;
    const received = at.text === undefined ? {} : { received: at.text.slice(0, 80) };
    this.problems.push({ path, message, ...received, line, column });
  }

  #directive(entry: Entry, depth: number): void {
    const [word, first, ...rest] = entry.words;
    const at = word!;
    switch (at.text.toUpperCase()) {
      case "$ORIGIN": {
        const name = first === undefined ? null : wholeName(first.text, this.#origin);
        if (name === null || rest.length > 0) this.#wrong(first ?? at, "expected a name");
        else this.#origin = name;
        return;
      }
      case "$TTL": {
        const seconds = first === undefined ? null : parseSeconds(first.text);
        if (seconds === null || rest.length > 0) {
          this.#wrong(first ?? at, "expected seconds, such as 3600 or 1h");
        } else this.#ttlSec = seconds;
        return;
      }
      case "$INCLUDE":
        this.#include(entry.words, depth);
        return;
      case "$GENERATE":
        this.#generate(entry.words);
        return;
      default:
        this.#wrong(at, "expected $ORIGIN, $TTL, $INCLUDE or $GENERATE");
    }
  }

  /** The origin and owner of this file stay as they are (RFC 1035 5.1). */
  #include(words: readonly PlacedWord[], depth: number): void {
    const [at, file, origin, extra] = words;
    if (file === undefined || extra !== undefined) {
      this.#wrong(extra ?? at!, "expected a file, and at most an origin after it");
      return;
    }
    const start = origin === undefined ? this.#origin : wholeName(origin.text, this.#origin);
    if (start === null) {
      this.#wrong(origin!, "expected a name");
      return;
    }
    const deep = depth >= INCLUDE_DEPTH_MAX || ++this.#includes > INCLUDES_MAX;
    const text = deep ? null : (this.#o.include?.(file.text) ?? null);
    if (text === null) {
      const why = deep ? "expected fewer files, one within the other" : "expected no $INCLUDE here";
      this.#wrong(file, why);
      return;
    }
    const saved = { origin: this.#origin, owner: this.#owner, within: this.#within };
    this.#origin = start;
    this.#within ??= { line: at!.line, column: at!.column, file: file.text };
    this.read(text, depth + 1);
    this.#origin = saved.origin;
    this.#owner = saved.owner;
    this.#within = saved.within;
  }

  #generate(words: readonly PlacedWord[]): void {
    const [at, span, owner, ...rest] = words;
    const range = span === undefined ? null : parseRange(span.text);
    if (range === null || owner === undefined || rest.length === 0) {
      this.#wrong(span ?? at!, "expected a range, an owner, a type and data: 1-9 h$ A 192.0.2.$");
      return;
    }
    const most = this.#o.recordsMax ?? RECORDS_MAX;
    if (countOf(range) + this.records.length > most) {
      this.#wrong(span!, `expected at most ${most} records in all`);
      this.#full = true;
      return;
    }
    const template = [owner, ...rest];
    for (let value = range.start; value <= range.stop; value += range.step) {
      const before = this.problems.length;
      const filled = template.map((word) => {
        const text = fillTemplate(word.text, value);
        if (text === null) this.#wrong(word, "expected $ or {offset,width,base} after it");
        return { ...word, text: text ?? word.text };
      });
      if (this.problems.length === before) this.#record({ words: filled, indented: false });
      // What is wrong with the first is wrong with all.
      if (this.problems.length > before) return;
    }
  }

  #record({ words, indented }: Entry): void {
    let at = 0;
    const start = words[0]!;
    if (!indented) {
      at = 1;
      const owner = start.quoted ? null : wholeName(start.text, this.#origin);
      if (owner === null) {
        this.#wrong(start, "expected a name");
        return;
      }
      this.#owner = owner;
    }
    if (this.#owner === null) {
      this.#wrong(start, "expected an owner: no record before this one has any");
      return;
    }
    const head = this.#head(words, at);
    if (head === null) return;
    const { type, next } = head;
    const given = words.slice(next);
    const data = parseData(type, given, this.#origin);
    if (isDataProblem(data)) {
      this.#wrong(given[data.word] ?? { ...lastOf(words), text: "nothing" }, data.message);
      return;
    }
    if (!within(this.#owner, this.#zone)) {
      this.#wrong(start, `expected a name in ${this.#o.origin}`);
      return;
    }
    const ttlSec = this.#ttlOf(head, data);
    if (ttlSec === null) {
      this.#wrong(start, "expected a TTL: there is no $TTL, and no record before this one has any");
      return;
    }
    if (this.records.length >= (this.#o.recordsMax ?? RECORDS_MAX)) {
      this.#wrong(start, `expected at most ${this.#o.recordsMax ?? RECORDS_MAX} records in all`);
      this.#full = true;
      return;
    }
    this.#lastTtlSec = ttlSec;
    const { line, column } = this.#within ?? start;
    this.records.push({ name: this.#owner, ttlSec, type, data, line, column });
  }

  /** `[TTL] [class] type` or `[class] [TTL] type`. */
  #head(words: readonly PlacedWord[], from: number) {
    let ttlSec: number | null = null;
    let classGiven = false;
    for (let at = from; ; at++) {
      const word = words[at];
      if (word === undefined || word.quoted) {
        this.#wrong(word ?? { ...lastOf(words), text: "nothing" }, "expected a record type");
        return null;
      }
      const { text } = word;
      const type = typeNumber(text);
      if (type !== null && !/^any$/i.test(text)) return { type, ttlSec, next: at + 1 };
      const seconds: number | null = /^\d/.test(text) ? parseSeconds(text) : null;
      if (!classGiven && /^(?:IN|CLASS1)$/i.test(text)) classGiven = true;
      else if (ttlSec === null && seconds !== null) ttlSec = seconds;
      else {
        const other = /^(?:CH|HS|CS|CLASS\d+|ANY|NONE)$/i.test(text);
        this.#wrong(word, other ? "expected class IN" : "expected a TTL, IN or a record type");
        return null;
      }
    }
  }

  #ttlOf(head: { ttlSec: number | null; type: number }, data: Uint8Array): number | null {
    const known = head.ttlSec ?? this.#ttlSec ?? this.#lastTtlSec;
    if (known !== null || head.type !== TYPE.SOA) return known;
    // The minimum was the default TTL once (RFC 1035 3.3.13).
    return new DataView(data.buffer, data.byteOffset + data.length - 4).getUint32(0) & 0x7fffffff;
  }
}

/** The place right after the last word. */
function lastOf(words: readonly PlacedWord[]): { line: number; column: number } {
  const last = words.at(-1)!;
  return { line: last.line, column: last.column + last.text.length + (last.quoted ? 2 : 0) };
}

/** Whether a name lies in a zone or is its own; both as octets in lower case. */
function within(name: Uint8Array, zone: Uint8Array): boolean {
  let at = 0;
  while (name.length - at > zone.length) at += name[at]! + 1;
  return name.length - at === zone.length && zone.every((octet, i) => octet === name[at + i]);
}
