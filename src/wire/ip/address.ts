/**
 * IP addresses as text and as bytes: 4 bytes for IPv4, 16 for IPv6, network order. Only the one
 * plain notation of each family is read: no octal, hexadecimal, short or zoned forms, since other
 * readers disagree about what those mean.
 */
export type Family = 4 | 6;

/**
 * Bytes of a dotted IPv4 or an RFC 4291 2.2 IPv6 address; null when the text is neither.
 *
 * @example parseAddress("2001:db8::1")
 */
export function parseAddress(text: string): Uint8Array | null {
  if (text.length > 45) return null;
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

export function familyOf(address: Uint8Array): Family {
  return address.length === 4 ? 4 : 6;
}

/**
 * Dotted IPv4, or IPv6 in the canonical form of RFC 5952.
 *
 * @example formatAddress(new Uint8Array([192, 0, 2, 1]))
 */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push((address[i]! << 8) | address[i + 1]!);
  if (isMapped(address)) return `::ffff:${address.subarray(12).join(".")}`;
  const gap = longestZeroRun(words);
  const hex = words.map((w) => w.toString(16));
  if (gap.length < 2) return hex.join(":");
  const left = hex.slice(0, gap.start).join(":");
  return `${left}::${hex.slice(gap.start + gap.length).join(":")}`;
}

/**
 * An address as a socket names it, of IPv4 also where the socket is one of IPv6 and listens to both.
 *
 * @example plainAddress("::ffff:192.0.2.1") // "192.0.2.1"
 */
export function plainAddress(text: string): string {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(text);
  return mapped?.[1] ?? text;
}

/** True for ::ffff:0:0/96, an IPv4 address in an IPv6 socket's clothes (RFC 4291 2.5.5.2). */
export function isMapped(address: Uint8Array): boolean {
  if (address.length !== 16 || address[10] !== 0xff || address[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return true;
}

function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < words.length; i++) {
    let n = 0;
    while (i + n < words.length && words[i + n] === 0) n++;
    if (n > best.length) best = { start: i, length: n };
    i += n;
  }
  return best;
}

function parseV4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const out = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    out[i] = Number(part);
  }
  return out;
}

function parseV6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseWords(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseWords(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const given = head.length + tail.length;
  // "::" stands for at least one group of zeros.
  if (halves.length === 2 ? given > 7 : given !== 8) return null;
  const words = [...head, ...new Array<number>(8 - given).fill(0), ...tail];
  return Uint8Array.from(words.flatMap((w) => [w >> 8, w & 255]));
}

/** Groups of hexadecimal digits; the last may be a dotted IPv4 where `dotted` allows it. */
function parseWords(text: string, dotted: boolean): number[] | null {
  if (text === "") return [];
  const words: number[] = [];
  const parts = text.split(":");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (dotted && i === parts.length - 1 && part.includes(".")) {
      const v4 = parseV4(part);
      if (v4 === null) return null;
      words.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
      words.push(Number.parseInt(part, 16));
    }
  }
  return words;
}
