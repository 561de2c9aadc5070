/**
 * As much of DNS messages as a client's side needs (RFC 1035 4, RFC 6891, RFC 7871): queries with
 * a client subnet, and answers read back. It is its own code on purpose: the demo's checks must
 * not read the product's packets with the product's own codec.
 */
export const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, OPT: 41 } as const;
export const RCODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

export interface ResourceRecord {
  readonly name: string;
  readonly type: number;
  readonly ttlSec: number;
  /** RDATA with names written out whole. */
  readonly data: Uint8Array;
}

export interface Message {
  readonly id: number;
  readonly rcode: number;
  readonly response: boolean;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly question: { readonly name: string; readonly type: number } | null;
  readonly answers: readonly ResourceRecord[];
  /** Scope prefix length of the client subnet option; null without one. */
  readonly subnetScope: number | null;
}

/** An IPv4 client subnet: `203.0.113.0/24`. */
export type Subnet = string;

const NAME_JUMPS_MAX = 20;

export function encodeQuery(q: {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly subnet: Subnet | null;
}): Uint8Array<ArrayBuffer> {
  const option = q.subnet === null ? [] : subnetOption(q.subnet);
  return Uint8Array.from([
    ...[...u16(q.id), 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1],
    ...encodeName(q.name),
    ...[...u16(q.type), 0, 1],
    ...[0, ...u16(TYPE.OPT), ...u16(1232), 0, 0, 0, 0, ...u16(option.length), ...option],
  ]);
}

/** An answer to a stub: no compression, no EDNS; at most a handful of records. */
export function encodeAnswer(a: {
  readonly id: number;
  readonly rcode: number;
  readonly question: { readonly name: string; readonly type: number };
  readonly answers: readonly ResourceRecord[];
}): Uint8Array<ArrayBuffer> {
  const records = a.answers.flatMap((r) => [
    ...encodeName(r.name),
    ...[...u16(r.type), 0, 1, ...u16(r.ttlSec >>> 16), ...u16(r.ttlSec & 0xffff)],
    ...[...u16(r.data.length), ...r.data],
  ]);
  return Uint8Array.from([
    ...[...u16(a.id), 0x81, 0x80 | a.rcode, 0, 1, ...u16(a.answers.length), 0, 0, 0, 0],
    ...encodeName(a.question.name),
    ...[...u16(a.question.type), 0, 1],
    ...records,
  ]);
}

/** Null when the bytes are not a whole message. */
export function decodeMessage(bytes: Uint8Array): Message | null {
  try {
    return decode(new Reader(bytes));
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}

export function addressOf(data: Uint8Array): string {
  return data.join(".");
}

/** The name that a CNAME's or NS's RDATA holds. */
export function nameOf(data: Uint8Array): string {
  return new Reader(data).name();
}

export function encodeName(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const label of name.split(".").filter((l) => l !== "")) {
    const octets = new TextEncoder().encode(label);
    bytes.push(octets.length, ...octets);
  }
  return Uint8Array.from([...bytes, 0]);
}

function u16(n: number): readonly [number, number] {
  return [(n >>> 8) & 0xff, n & 0xff];
}

function subnetOption(subnet: Subnet): readonly number[] {
  const [address = "", length = "24"] = subnet.split("/");
  const bits = Number(length);
  const octets = address
    .split(".")
    .map(Number)
    .slice(0, Math.ceil(bits / 8));
  return [0, 8, ...u16(4 + octets.length), 0, 1, bits, 0, ...octets];
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u8(): number {
    const value = this.#bytes[this.at++];
    if (value === undefined) throw new RangeError("the message ends early");
    return value;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.#bytes.length) throw new RangeError("the message ends early");
    this.at += length;
    return this.#bytes.slice(this.at - length, this.at);
  }

  name(): string {
    const labels: string[] = [];
    let back: number | null = null;
    for (let jumps = 0; ; ) {
      const length = this.u8();
      if (length === 0) break;
      if (length < 0x40) labels.push(new TextDecoder("latin1").decode(this.take(length)));
      else {
        if (length < 0xc0 || ++jumps > NAME_JUMPS_MAX) throw new RangeError("a bad name");
        const target = ((length & 0x3f) << 8) | this.u8();
        back ??= this.at;
        this.at = target;
      }
    }
    if (back !== null) this.at = back;
    return labels.join(".").toLowerCase();
  }
}

function decode(reader: Reader): Message {
  const id = reader.u16();
  const flags = reader.u16();
  const [questions, answerCount, authority, additional] = [
    reader.u16(),
    reader.u16(),
    reader.u16(),
    reader.u16(),
  ] as const;
  let question: Message["question"] = null;
  for (let i = 0; i < questions; i++) {
    const asked = { name: reader.name(), type: reader.u16() };
    reader.u16();
    question ??= asked;
  }
  const answers: ResourceRecord[] = [];
  let subnetScope: number | null = null;
  for (let i = 0; i < answerCount + authority + additional; i++) {
    const read = record(reader);
    if (i < answerCount) answers.push(read);
    else if (read.type === TYPE.OPT) subnetScope = scopeOf(read.data);
  }
  return {
    ...{ id, question, answers, subnetScope },
    response: (flags & 0x8000) !== 0,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    rcode: flags & 0xf,
  };
}

function record(reader: Reader): ResourceRecord {
  const name = reader.name();
  const type = reader.u16();
  reader.u16();
  const ttlSec = reader.u32();
  const length = reader.u16();
  const end = reader.at + length;
  const named = type === TYPE.CNAME || type === TYPE.NS;
  const data = named ? encodeName(reader.name()) : reader.take(length);
  if (reader.at !== end) throw new RangeError("a record's length is wrong");
  return { name, type, ttlSec, data };
}

function scopeOf(options: Uint8Array): number | null {
  const reader = new Reader(options);
  while (reader.at < options.length) {
    const code = reader.u16();
    const value = reader.take(reader.u16());
    if (code === 8) return value[3] ?? null;
  }
  return null;
}
