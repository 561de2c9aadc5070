/** Packets that no honest resolver sends, and random ones that an honest one might. */
import type { Rng } from "../../src/base/rng.ts";
import { targetOf } from "../../src/dns/hot/world.fixture.ts";
import { encodeMessage, makeQuery, OPTION, TYPE } from "../../src/wire/dns/mod.ts";
import { clearHostBits, parseAddress } from "../../src/wire/ip/mod.ts";

/** A header of its own making, and whatever octets follow it. */
export function rawMessage(
  o: {
    readonly id?: number;
    readonly flags?: number;
    /** Questions, answers, authorities, additionals. */
    readonly counts?: readonly [number, number, number, number];
  },
  ...parts: readonly (readonly number[] | Uint8Array)[]
): Uint8Array {
  const words = [o.id ?? 4711, o.flags ?? 0, ...(o.counts ?? [1, 0, 0, 0])];
  const head = words.flatMap((word) => [word >> 8, word & 255]);
  return Uint8Array.from([...head, ...parts.flatMap((part) => [...part])]);
}

/** An OPT record's octets; options are octets of code, length and data. */
export function optRecord(
  o: { payload?: number; version?: number; dnssecOk?: boolean; owner?: readonly number[] } = {},
  ...options: readonly (readonly [number, readonly number[] | Uint8Array])[]
): number[] {
  const data = options.flatMap(([code, octets]) => {
    return [code >> 8, code & 255, octets.length >> 8, octets.length & 255, ...octets];
  });
  const { payload = 1232, version = 0, dnssecOk = false, owner = [0] } = o;
  const flags = dnssecOk ? 0x80 : 0;
  const size = [data.length >> 8, data.length & 255];
  return [
    ...owner,
    0,
    TYPE.OPT,
    payload >> 8,
    payload & 255,
    0,
    version,
    flags,
    0,
    ...size,
    ...data,
  ];
}

const NAMES = [
  "www.shop.example",
  `${targetOf("img.shop.example")}.gtm.cdn.example`,
  "www.hosted.example",
  "loop1.hosted.example",
  "x.sub.hosted.example",
  "big.hosted.example",
  "hosted.example",
  "c.cdn.example",
  "no.such.cdn.example",
  "elsewhere.test",
];
const TYPES = Object.values(TYPE);

export function pickOf<T>(rng: Rng, list: readonly T[]): T {
  return list[Math.floor(rng.float() * list.length)]!;
}

/** A whole query about the fixture's world, with random flags, options and case. */
export function randomQuery(rng: Rng): Uint8Array {
  const name = [...pickOf(rng, NAMES)]
    .map((c) => (rng.float() < 0.3 ? c.toUpperCase() : c))
    .join("");
  const type = rng.float() < 0.6 ? pickOf(rng, [TYPE.A, TYPE.AAAA]) : pickOf(rng, TYPES);
  const seed = makeQuery(Math.floor(rng.float() * 65_536), name, type);
  const address = parseAddress(
    pickOf(rng, ["198.51.100.0", "203.0.113.0", "2001:db8:1::", "9.9.9.0"]),
  )!;
  const family: 4 | 6 = address.length === 4 ? 4 : 6;
  const sourceBits = Math.floor(rng.float() * (address.length * 8 + 1));
  clearHostBits(address, sourceBits);
  const clientSubnet = rng.float() < 0.4 ? { family, address, sourceBits, scopeBits: 0 } : null;
  const options = [
    { code: OPTION.COOKIE, data: rng.bytes(pickOf(rng, [8, 24, 40])) },
    { code: OPTION.NSID, data: new Uint8Array(0) },
    { code: 65_001, data: rng.bytes(5) },
  ].filter(() => rng.float() < 0.3);
  const edns = {
    payloadBytes: pickOf(rng, [0, 512, 1232, 4096]),
    version: rng.float() < 0.05 ? 1 : 0,
    dnssecOk: rng.float() < 0.3,
    clientSubnet,
    options,
  };
  const flags = Math.floor(rng.float() * 65_536) & 0x07f0;
  return encodeMessage({ ...seed, flags, edns: rng.float() < 0.8 ? edns : null }, 1232)!;
}

/** One to four changes: bits, octets, lengths, counts, pointers, pieces twice or gone. */
export function mutate(bytes: Uint8Array, rng: Rng): Uint8Array {
  let out = Uint8Array.from(bytes);
  for (let n = 1 + Math.floor(rng.float() * 4); n > 0; n--) {
    const at = Math.floor(rng.float() * out.length);
    const kind = Math.floor(rng.float() * 7);
    if (kind === 0) out[at]! ^= 1 << Math.floor(rng.float() * 8);
    else if (kind === 1) out[at] = Math.floor(rng.float() * 256);
    else if (kind === 2) out = out.slice(0, at);
    else if (kind === 3)
      out = Uint8Array.from([...out.subarray(0, at), ...rng.bytes(3), ...out.subarray(at)]);
    else if (kind === 4)
      out.set([0xc0, Math.floor(rng.float() * 64)].slice(0, out.length - at), at);
    else if (kind === 5 && out.length > 12)
      out[4 + Math.floor(rng.float() * 8)] = Math.floor(rng.float() * 4);
    else out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(at >> 1)]).slice(0, 1400);
    if (out.length === 0) return out;
  }
  return out;
}
