import { hash32 } from "../../base/rng.ts";
import { byId, note, type Standing, trimWords } from "./candidate.ts";
import type { Filter } from "./filter.ts";

/** Bits of a client's address that a draw which sticks is made of: one subscriber line or office. */
const STICKY_BITS = { 4: 24, 6: 48 } as const;

/**
 * Filter `sticky`: a client keeps its server for as long as that can serve, in proportion to the
 * weights. It is a rendezvous draw (highest random weight): when a server goes, only its own clients
 * move, evenly to the others; when it returns, they return. `pick()` draws by the client's prefix.
 */
export const sticky: Filter<"sticky"> = (left) => {
  const total = left.reduce((sum, s) => sum + s.weight, 0);
  const ordered = [...left].sort(byId);
  for (const s of ordered) {
    s.draw = s.weight * s.trim;
    s.stick = stickOf(s);
    const percent = (100 * s.weight) / Math.max(total, 1e-9);
    const detail = `${percent.toFixed(1)} % of client prefixes keep to it${trimWords(s)}`;
    note(s, "sticky", true, ["sticks", detail]);
  }
  return ordered;
};

function stickOf(s: Standing): number {
  return hash32(s.id);
}

/**
 * How close to 0 a target comes for this client: the lowest wins the draw. An exponential race, so
 * that a target of twice the weight wins twice as often.
 *
 * @param seed of the client, an unsigned 32-bit number
 */
export function raceTime(stick: number, seed: number, weight: number): number {
  if (weight <= 0) return Number.POSITIVE_INFINITY;
  const mixed = (mix(stick ^ mix(seed)) + 0.5) / 4294967296;
  return -Math.log(mixed) / weight;
}

/**
 * The seed of a client, from the first octets of its address. Hot: no allocation.
 *
 * @param bits how many bits of the address are known; the rest counts as 0
 * @example clientSeed(new Uint8Array([198, 51, 100, 7]), 0, { family: 4, bits: 32 })
 */
export function clientSeed(
  address: Uint8Array,
  at: number,
  known: { readonly family: 4 | 6; readonly bits: number },
): number {
  const { family, bits } = known;
  let left = Math.min(bits, STICKY_BITS[family]);
  let seed = family === 4 ? 0x811c9dc5 : 0x2f0b4c47;
  for (let i = at; left > 0; i++) {
    const octet = left >= 8 ? address[i]! : address[i]! & (0xff << (8 - left));
    seed = Math.imul(seed ^ octet, 0x01000193);
    left -= 8;
  }
  return mix(seed);
}

/** How many bits of an address a draw that sticks may depend on: the client subnet's scope then. */
export function stickyBits(family: 4 | 6): number {
  return STICKY_BITS[family];
}

function mix(n: number): number {
  let h = n >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
