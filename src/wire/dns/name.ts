import { LABEL_BYTES_MAX, NAME_BYTES_MAX } from "./codes.ts";
import { FAULT, type WireFault } from "./wire-fault.ts";

/**
 * Names are texts in master-file form (RFC 1035 5.1) without the final dot; the root is "". A dot
 * or backslash inside a label is written `\.` or `\\`, and any octet that is not printable ASCII
 * `\DDD`, so that every name of the wire has one text, and that text is safe in a log.
 */

/**
 * How many pointers are followed in one name. Real messages need a few; without a bound, a chain
 * through the whole message for each of its names costs the square of its length.
 */
const POINTERS_MAX = 32;

export interface DecodedName {
  readonly name: string;
  /** The offset after the name where it stands (not where a pointer led). */
  readonly end: number;
}

/** Pointers must lead strictly backwards, so that no loop exists (RFC 1035 4.1.4, "prior"). */
export function decodeName(bytes: Uint8Array, start: number): DecodedName | WireFault {
  let at = start;
  let end = -1;
  let lowest = start;
  let pointers = 0;
  let size = 1;
  let name = "";
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return FAULT.SHORT;
    if (length === 0) return { name, end: end < 0 ? at + 1 : end };
    if (length >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) return FAULT.SHORT;
      const target = ((length & 0x3f) << 8) | low;
      if (target >= lowest || target < 12 || ++pointers > POINTERS_MAX) return FAULT.POINTER;
      if (end < 0) end = at + 2;
      lowest = target;
      at = target;
      continue;
    }
    if (length > LABEL_BYTES_MAX) return FAULT.LABEL;
    if (at + 1 + length > bytes.length) return FAULT.SHORT;
    size += length + 1;
    if (size > NAME_BYTES_MAX) return FAULT.NAME_TOO_LONG;
    if (name !== "") name += ".";
    for (let i = at + 1; i <= at + length; i++) name += escapeOctet(bytes[i]!);
    at += length + 1;
  }
}

function escapeOctet(octet: number): string {
  if (octet === 0x2e || octet === 0x5c) return `\\${String.fromCharCode(octet)}`;
  if (octet > 0x20 && octet < 0x7f) return String.fromCharCode(octet);
  return `\\${String(octet).padStart(3, "0")}`;
}

/**
 * The name as uncompressed wire octets, with the root's zero; null when the text is no name: an
 * empty or too long label, a bad escape, more than 255 octets.
 *
 * @example encodeName("www.shop.example")
 */
export function encodeName(text: string): Uint8Array | null {
  const out: number[] = [];
  let label: number[] = [];
  const close = () => {
    if (label.length === 0 || label.length > LABEL_BYTES_MAX) return false;
    out.push(label.length, ...label);
    label = [];
    return true;
  };
  if (text === "" || text === ".") return new Uint8Array(1);
  for (let i = 0; i < text.length; i++) {
    let octet = text.charCodeAt(i);
    if (octet === 0x2e) {
      if (!close()) return null;
      if (i === text.length - 1) break;
      continue;
    }
    if (octet === 0x5c) {
      const digits = /^\d{3}/.exec(text.slice(i + 1, i + 4))?.[0];
      octet = digits === undefined ? text.charCodeAt(i + 1) : Number(digits);
      i += digits === undefined ? 1 : 3;
    }
    if (!(octet <= 255)) return null;
    label.push(octet);
  }
  if (label.length > 0 ? !close() : !text.endsWith(".")) return null;
  out.push(0);
  return out.length > NAME_BYTES_MAX ? null : Uint8Array.from(out);
}

/** ASCII letters in lower case, in place; length octets are below 64, so they stay (RFC 4343). */
export function lowerCaseName(wire: Uint8Array): Uint8Array {
  for (let i = 0; i < wire.length; i++) {
    const octet = wire[i]!;
    if (octet >= 0x41 && octet <= 0x5a) wire[i] = octet | 0x20;
  }
  return wire;
}
