import { LABEL_BYTES_MAX, NAME_BYTES_MAX } from "../dns/mod.ts";

/**
 * The name right after this one in canonical order, with nothing between them: a first label of one
 * zero octet before it (RFC 9824 2, RFC 4470 4); where that would be too long, as RFC 4471 3.1.2
 * has it. Null for the very last name of its parent. In lower case if `name` is.
 *
 * @example nextName(encodeName("no.shop.example")!)
 */
export function nextName(name: Uint8Array): Uint8Array | null {
  if (name.length + 2 <= NAME_BYTES_MAX) {
    const out = new Uint8Array(name.length + 2);
    out[0] = 1;
    out.set(name, 2);
    return out;
  }
  const end = 1 + name[0]!;
  if (name.length < NAME_BYTES_MAX && name[0]! < LABEL_BYTES_MAX) {
    return Uint8Array.from([end, ...name.subarray(1, end), 0, ...name.subarray(end)]);
  }
  let last = end - 1;
  while (last > 0 && name[last] === 0xff) last--;
  if (last === 0) return null;
  const octet = name[last]! + 1;
  // Upper case sorts as lower case: after @ comes [.
  const next = octet === 0x41 ? 0x5b : octet;
  return Uint8Array.from([last, ...name.subarray(1, last), next, ...name.subarray(end)]);
}

/**
 * The data of an NSEC record: the next name, and which types stand at the owner.
 *
 * @example nsecData(nextName(owner)!, typeBitmap([TYPE.A, SECURE.RRSIG, SECURE.NSEC]))
 */
export function nsecData(next: Uint8Array, bitmap: Uint8Array): Uint8Array {
  const out = new Uint8Array(next.length + bitmap.length);
  out.set(next);
  out.set(bitmap, next.length);
  return out;
}

/**
 * Types as windows of 256, each a number, a length and bits from the left (RFC 4034 4.1.2).
 *
 * @example typeBitmap([1, 46, 47])
 */
export function typeBitmap(types: readonly number[]): Uint8Array {
  const windows = new Map<number, Uint8Array>();
  for (const type of types) {
    const window = type >> 8;
    const bits = windows.get(window) ?? new Uint8Array(32);
    windows.set(window, bits);
    bits[(type & 255) >> 3]! |= 0x80 >> (type & 7);
  }
  const out: number[] = [];
  for (const [window, bits] of [...windows].sort((a, b) => a[0] - b[0])) {
    const length = bits.findLastIndex((octet) => octet !== 0) + 1;
    out.push(window, length, ...bits.subarray(0, length));
  }
  return Uint8Array.from(out);
}
