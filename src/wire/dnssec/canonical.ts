import { CLASS, TYPE } from "../dns/mod.ts";

/**
 * Types whose data holds names that are put in lower case (RFC 4034 6.2 as RFC 6840 5.1 has it):
 * octets before the first name, and how many names follow. NAPTR has strings before its name.
 */
const NAMES: ReadonlyMap<number, readonly [skip: number, names: number]> = new Map([
  [TYPE.NS, [0, 1]],
  [TYPE.CNAME, [0, 1]],
  [TYPE.SOA, [0, 2]],
  [TYPE.PTR, [0, 1]],
  [14, [0, 2]], // MINFO
  [15, [2, 1]], // MX
  [17, [0, 2]], // RP
  [18, [2, 1]], // AFSDB
  [21, [2, 1]], // RT
  [26, [2, 2]], // PX
  [33, [6, 1]], // SRV
  [36, [2, 1]], // KX
  [39, [0, 1]], // DNAME
]);
const NAPTR = 35;

/**
 * Data in canonical form: names in lower case. Names in it must be whole, not compressed. Data that
 * is not as its type says is left as it is from there on.
 *
 * @example canonicalData(TYPE.NS, encodeName("NS.Shop.Example")!)
 */
export function canonicalData(type: number, data: Uint8Array): Uint8Array {
  const known = NAMES.get(type);
  if (known === undefined && type !== NAPTR) return data;
  let at = known?.[0] ?? 4;
  if (type === NAPTR) for (let text = 0; text < 3; text++) at += (data[at] ?? 0) + 1;
  const out = Uint8Array.from(data);
  for (let name = known?.[1] ?? 1; name > 0; name--) at = lowerNameAt(out, at);
  return out;
}

/** Returns the offset after the name. */
function lowerNameAt(out: Uint8Array, start: number): number {
  let at = start;
  while (at < out.length && out[at] !== 0) {
    const end = at + 1 + out[at]!;
    for (at += 1; at < end && at < out.length; at++) {
      const octet = out[at]!;
      if (octet >= 0x41 && octet <= 0x5a) out[at] = octet | 0x20;
    }
  }
  return at + 1;
}

/**
 * A record set as it is signed: each record with its owner, class, original TTL and data, in the
 * order of the data, no record twice (RFC 4034 3.1.8.1, 6.3). `owner` is whole, in lower case;
 * `data` canonical.
 *
 * @example canonicalSet({ owner, type: TYPE.A, ttlSec: 60, data: [Uint8Array.of(192, 0, 2, 1)] })
 */
export function canonicalSet(set: {
  readonly owner: Uint8Array;
  readonly type: number;
  readonly ttlSec: number;
  readonly data: readonly Uint8Array[];
}): Uint8Array {
  const { owner, type, ttlSec } = set;
  const sorted = set.data.length < 2 ? set.data : [...set.data].sort(compareOctets);
  const unique = sorted.filter((data, i) => i === 0 || compareOctets(sorted[i - 1]!, data) !== 0);
  const size = unique.reduce((sum, data) => sum + owner.length + 10 + data.length, 0);
  const out = new Uint8Array(size);
  let at = 0;
  for (const data of unique) {
    out.set(owner, at);
    at += owner.length;
    const words = [type >> 8, type, CLASS.IN >> 8, CLASS.IN];
    for (const octet of words) out[at++] = octet;
    for (let shift = 24; shift >= 0; shift -= 8) out[at++] = ttlSec >>> shift;
    out[at++] = data.length >> 8;
    out[at++] = data.length;
    out.set(data, at);
    at += data.length;
  }
  return out;
}

/** As unsigned octets from the left; what is missing sorts first (RFC 4034 6.3). */
function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}
