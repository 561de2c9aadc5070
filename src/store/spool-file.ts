/**
 * The bytes of a spool file: records one after another, each
 *
 *   4 bytes  F5 FA D0 FE: never part of UTF-8, so a payload cannot hold it
 *   4 bytes  length of the payload, little-endian
 *   4 bytes  CRC-32C of the length and the payload, little-endian
 *   n bytes  payload, UTF-8
 *
 * Damage costs the records it touches and no other: the reader looks for the next mark.
 */
import { assert } from "../base/assert.ts";

const MARK = [0xf5, 0xfa, 0xd0, 0xfe] as const;
const HEAD_BYTES = 12;
/** A longer record is damage, not data. */
export const RECORD_BYTES_MAX = 16 * 1024 * 1024;

const TABLE = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/**
 * CRC-32C (Castagnoli), RFC 3720 appendix B.4.
 *
 * @example crc32c(new TextEncoder().encode("123456789")) // 0xe3069283
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

export function encodeRecord(payload: string): Uint8Array {
  const body = new TextEncoder().encode(payload);
  assert(body.length > 0 && body.length <= RECORD_BYTES_MAX, "A spool record has a sane length");
  const bytes = new Uint8Array(HEAD_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MARK, 0);
  view.setUint32(4, body.length, true);
  bytes.set(body, HEAD_BYTES);
  view.setUint32(8, crc32c(body, crc32c(bytes.subarray(4, 8))), true);
  return bytes;
}

export interface DecodedFile {
  readonly payloads: readonly string[];
  /** Bytes that belong to no intact record: a torn end, or damage. */
  readonly damagedBytes: number;
}

/** Every intact record, in order. Never throws, whatever the bytes are. */
export function decodeRecords(bytes: Uint8Array): DecodedFile {
  const payloads: string[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let damagedBytes = 0;
  while (at < bytes.length) {
    const end = endOfRecord(bytes, view, at);
    if (end > 0) {
      payloads.push(new TextDecoder().decode(bytes.subarray(at + HEAD_BYTES, end)));
      at = end;
    } else {
      damagedBytes++;
      at++;
    }
  }
  return { payloads, damagedBytes };
}

/** Where the intact record that starts at `at` ends; 0 if none starts there. */
function endOfRecord(bytes: Uint8Array, view: DataView, at: number): number {
  if (bytes[at] !== MARK[0] || at + HEAD_BYTES > bytes.length) return 0;
  if (bytes[at + 1] !== MARK[1] || bytes[at + 2] !== MARK[2] || bytes[at + 3] !== MARK[3]) return 0;
  const length = view.getUint32(at + 4, true);
  const end = at + HEAD_BYTES + length;
  if (length === 0 || length > RECORD_BYTES_MAX || end > bytes.length) return 0;
  const crc = crc32c(bytes.subarray(at + HEAD_BYTES, end), crc32c(bytes.subarray(at + 4, at + 8)));
  return crc === view.getUint32(at + 8, true) ? end : 0;
}
