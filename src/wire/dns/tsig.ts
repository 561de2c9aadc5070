import { CLASS, HEADER_BYTES, LABEL_BYTES_MAX, TYPE } from "./codes.ts";
import { decodeName, encodeName, lowerCaseName } from "./name.ts";
import { isWireFault } from "./wire-fault.ts";

/** RFC 8945 6: those that must be known, and the longer one. */
export const TSIG_ALGORITHMS = ["hmac-sha256", "hmac-sha512"] as const;
export type TsigAlgorithm = (typeof TSIG_ALGORITHMS)[number];

const MAC_BYTES: Readonly<Record<TsigAlgorithm, number>> = { "hmac-sha256": 32, "hmac-sha512": 64 };

/** RFC 8945 3: in the TSIG record; the header has NOTAUTH then. */
export const TSIG_ERROR = { BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const;

/** How far clocks may be apart (RFC 8945 10). */
export const TSIG_FUDGE_SEC = 300;

export interface TsigKey {
  /** A domain name, lower case, without the final dot. */
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
}

/** Comes in as a function: no cryptography lives on this floor. */
export type Hmac = (algorithm: TsigAlgorithm, secret: Uint8Array, data: Uint8Array) => Uint8Array;

/** The TSIG record at the end of a message (RFC 8945 4.2). */
export interface Tsig {
  /** Where the record begins; the signed message ends there. */
  readonly at: number;
  /** Lower case, without the final dot. */
  readonly key: string;
  readonly algorithm: string;
  readonly timeSec: number;
  readonly fudgeSec: number;
  readonly mac: Uint8Array;
  readonly originalId: number;
  readonly error: number;
  readonly other: Uint8Array;
}

/** What a message's signature is worth. */
export type TsigVerdict =
  | { readonly verdict: "unsigned" }
  /** A TSIG record that cannot be read, or that is not the last: FORMERR (RFC 8945 5.1). */
  | { readonly verdict: "malformed" }
  | {
      readonly verdict: "refused";
      readonly error: (typeof TSIG_ERROR)[keyof typeof TSIG_ERROR];
      readonly tsig: Tsig;
      /** Known where the signature was right and the time was not: the answer is signed then. */
      readonly key: TsigKey | null;
    }
  | { readonly verdict: "good"; readonly tsig: Tsig; readonly key: TsigKey };

/**
 * Whether the last record is a TSIG, as far as that can be seen at a glance: for the hot path, which
 * hands such messages on. Budget: no allocation.
 */
export function isSigned(bytes: Uint8Array, length: number): boolean {
  if (length < HEADER_BYTES || (bytes[10]! | bytes[11]!) === 0) return false;
  let at = HEADER_BYTES;
  for (let i = u16(bytes, 4); i > 0; i--) {
    at = skipName(bytes, at, length);
    if (at < 0) return false;
    at += 4;
  }
  let type = 0;
  for (let i = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10); i > 0; i--) {
    at = skipName(bytes, at, length);
    if (at < 0 || at + 10 > length) return false;
    type = u16(bytes, at);
    at += 10 + u16(bytes, at + 8);
    if (at > length) return false;
  }
  return type === TYPE.TSIG;
}

function skipName(bytes: Uint8Array, start: number, length: number): number {
  let at = start;
  while (at < length) {
    const size = bytes[at]!;
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2;
    if (size > LABEL_BYTES_MAX) return -1;
    at += size + 1;
  }
  return -1;
}

/** The TSIG record of a message; null when there is none, "malformed" when it is not as it must be. */
export function readTsig(bytes: Uint8Array): Tsig | null | "malformed" {
  if (bytes.length < HEADER_BYTES) return "malformed";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = HEADER_BYTES;
  for (let i = view.getUint16(4); i > 0; i--) {
    at = skipName(bytes, at, bytes.length);
    if (at < 0) return "malformed";
    at += 4;
  }
  const records = view.getUint16(6) + view.getUint16(8) + view.getUint16(10);
  for (let i = records; i > 0; i--) {
    const start = at;
    at = skipName(bytes, at, bytes.length);
    if (at < 0 || at + 10 > bytes.length) return "malformed";
    const type = view.getUint16(at);
    const end = at + 10 + view.getUint16(at + 8);
    if (end > bytes.length) return "malformed";
    if (type === TYPE.TSIG) {
      const last = i === 1 && view.getUint16(10) > 0 && end === bytes.length;
      return last ? readRecord(bytes, view, { start, at }) : "malformed";
    }
    at = end;
  }
  return null;
}

function readRecord(
  bytes: Uint8Array,
  view: DataView,
  place: { readonly start: number; readonly at: number },
): Tsig | "malformed" {
  const { start, at } = place;
  const owner = decodeName(bytes, start);
  const name = decodeName(bytes, at + 10);
  if (isWireFault(owner) || isWireFault(name)) return "malformed";
  // Class ANY, TTL 0 (RFC 8945 4.2).
  if (view.getUint16(at + 2) !== CLASS.ANY || view.getUint32(at + 4) !== 0) return "malformed";
  const data = name.end;
  if (data + 10 > bytes.length) return "malformed";
  const macEnd = data + 10 + view.getUint16(data + 8);
  if (macEnd + 6 > bytes.length) return "malformed";
  const otherEnd = macEnd + 6 + view.getUint16(macEnd + 4);
  if (otherEnd !== bytes.length) return "malformed";
  return {
    at: start,
    key: owner.name.toLowerCase(),
    algorithm: name.name.toLowerCase(),
    timeSec: view.getUint16(data) * 0x1_0000_0000 + view.getUint32(data + 2),
    fudgeSec: view.getUint16(data + 6),
    mac: Uint8Array.from(bytes.subarray(data + 10, macEnd)),
    originalId: view.getUint16(macEnd),
    error: view.getUint16(macEnd + 2),
    other: Uint8Array.from(bytes.subarray(macEnd + 6, otherEnd)),
  };
}

export interface TsigCheck {
  readonly keyOf: (name: string) => TsigKey | null;
  readonly hmac: Hmac;
  readonly nowSec: number;
  /** Of the request, when this is its answer (RFC 8945 4.3.1). */
  readonly requestMac?: Uint8Array;
}

/** Checks in the order of RFC 8945 5.2: key, signature, time. Truncated signatures are not taken. */
export function verifyTsig(bytes: Uint8Array, o: TsigCheck): TsigVerdict {
  const tsig = readTsig(bytes);
  if (tsig === null) return { verdict: "unsigned" };
  if (tsig === "malformed") return { verdict: "malformed" };
  const refuse = (
    error: (typeof TSIG_ERROR)[keyof typeof TSIG_ERROR],
    key: TsigKey | null = null,
  ) => ({ verdict: "refused", error, tsig, key }) as const;
  const key = o.keyOf(tsig.key);
  if (key === null || key.algorithm !== tsig.algorithm) return refuse(TSIG_ERROR.BADKEY);
  const whole = MAC_BYTES[key.algorithm];
  if (tsig.mac.length > whole) return { verdict: "malformed" };
  if (tsig.mac.length < whole)
    return refuse(tsig.mac.length < 16 ? TSIG_ERROR.BADSIG : TSIG_ERROR.BADTRUNC);
  const message = Uint8Array.from(bytes.subarray(0, tsig.at));
  const head = new DataView(message.buffer);
  head.setUint16(0, tsig.originalId);
  head.setUint16(10, head.getUint16(10) - 1);
  const mac = o.hmac(key.algorithm, key.secret, signedOctets(message, tsig, o.requestMac));
  if (!sameOctets(mac, tsig.mac)) return refuse(TSIG_ERROR.BADSIG);
  if (Math.abs(o.nowSec - tsig.timeSec) > tsig.fudgeSec) return refuse(TSIG_ERROR.BADTIME, key);
  return { verdict: "good", tsig, key };
}

/** The same time for right and wrong signatures. */
function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  let differs = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) differs |= a[i]! ^ b[i]!;
  return differs === 0;
}

export interface TsigSigning {
  readonly key: TsigKey;
  readonly hmac: Hmac;
  readonly timeSec: number;
  /** Of the request that this answers, or of the message before in a transfer. */
  readonly priorMac?: Uint8Array;
  /** A further message of a transfer: of the TSIG only the times are signed (RFC 8945 5.3.1). */
  readonly further?: boolean;
  readonly error?: number;
  readonly other?: Uint8Array;
}

export interface SignedMessage {
  readonly bytes: Uint8Array;
  readonly mac: Uint8Array;
}

/** Octets that `signMessage` adds for a key at most, besides `other`. */
export function tsigBytes(key: TsigKey): number {
  return (
    wireOf(key.name).length + 10 + wireOf(key.algorithm).length + 16 + MAC_BYTES[key.algorithm]
  );
}

/**
 * The message with a TSIG record at its end; it has none before.
 *
 * @example signMessage(query, { key, hmac, timeSec: 1_800_000_000 }).bytes
 */
export function signMessage(message: Uint8Array, o: TsigSigning): SignedMessage {
  const { key, timeSec, error = 0, other = NOTHING } = o;
  const fields = { ...key, key: key.name, timeSec, fudgeSec: TSIG_FUDGE_SEC, error, other };
  const data =
    o.further === true
      ? concat(prefixed(o.priorMac), message, timesOf(fields))
      : signedOctets(message, fields, o.priorMac);
  const mac = o.hmac(key.algorithm, key.secret, data);
  return { bytes: withTsig(message, { ...fields, mac }), mac };
}

/** An answer to a request whose key or signature was wrong: it says so, unsigned (RFC 8945 5.2). */
export function refuseTsig(message: Uint8Array, tsig: Tsig, error: number): Uint8Array {
  return withTsig(message, { ...tsig, mac: NOTHING, error, other: NOTHING });
}

/** The server's time, as `other` has it with BADTIME (RFC 8945 5.2.3). */
export function timeOctets(timeSec: number): Uint8Array {
  const out = new Uint8Array(6);
  const view = new DataView(out.buffer);
  view.setUint16(0, Math.floor(timeSec / 0x1_0000_0000));
  view.setUint32(2, timeSec >>> 0);
  return out;
}

type Fields = Pick<Tsig, "key" | "algorithm" | "timeSec" | "fudgeSec" | "error" | "other">;
const NOTHING = new Uint8Array(0);

/** RFC 8945 4.3: a request's MAC, the message, then the variables of the TSIG. */
function signedOctets(message: Uint8Array, tsig: Fields, priorMac?: Uint8Array): Uint8Array {
  return concat(
    prefixed(priorMac),
    message,
    wireOf(tsig.key),
    Uint8Array.of(0, CLASS.ANY, 0, 0, 0, 0),
    wireOf(tsig.algorithm),
    timesOf(tsig),
    two(tsig.error),
    two(tsig.other.length),
    tsig.other,
  );
}

function timesOf({ timeSec, fudgeSec }: Fields): Uint8Array {
  return concat(timeOctets(timeSec), two(fudgeSec));
}

function withTsig(message: Uint8Array, o: Fields & { readonly mac: Uint8Array }): Uint8Array {
  const id = message.subarray(0, 2);
  const data = concat(
    wireOf(o.algorithm),
    timesOf(o),
    two(o.mac.length),
    o.mac,
    id,
    two(o.error),
    two(o.other.length),
    o.other,
  );
  const out = concat(
    message,
    wireOf(o.key),
    two(TYPE.TSIG),
    two(CLASS.ANY),
    Uint8Array.of(0, 0, 0, 0),
    two(data.length),
    data,
  );
  const view = new DataView(out.buffer);
  view.setUint16(10, view.getUint16(10) + 1);
  return out;
}

function prefixed(mac: Uint8Array | undefined): Uint8Array {
  return mac === undefined ? NOTHING : concat(two(mac.length), mac);
}

/** Names of keys and algorithms are signed whole and in lower case (RFC 8945 4.3.3). */
function wireOf(name: string): Uint8Array {
  return lowerCaseName(encodeName(name)!);
}

function two(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
