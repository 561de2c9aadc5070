import { formatAddress, parseAddress } from "../ip/mod.ts";
import { NAME_BYTES_MAX, TYPE } from "./codes.ts";
import { digestOctets, type Field, layoutOf } from "./data-layout.ts";
import { decodeName, encodeName, lowerCaseName } from "./name.ts";
import { encodeParams, formatParams, parseParam } from "./service-params.ts";
import {
  formatBase64,
  formatHex,
  formatQuoted,
  parseBase64,
  parseEscaped,
  parseHex,
} from "./text-octets.ts";
import { typeName } from "./type-name.ts";
import { isWireFault } from "./wire-fault.ts";
import type { DataWord } from "./words.ts";

/** Why words are no data of their type, and which word it is; their number if one is missing. */
export interface DataProblem {
  readonly message: string;
  readonly word: number;
}

export function isDataProblem(value: Uint8Array | DataProblem): value is DataProblem {
  return "message" in value;
}

/**
 * Record data from its text (RFC 1035 5.1, RFC 3597 5, RFC 9460 2.1) as octets, names in lower
 * case and whole. Relative names end in `origin`, given as octets; without one, all are absolute.
 *
 * @example parseData(TYPE.MX, wordsOf("10 mail.shop.example")!, null)
 */
export function parseData(
  type: number,
  words: readonly DataWord[],
  origin: Uint8Array | null,
): Uint8Array | DataProblem {
  if (words[0]?.text === "\\#" && !words[0].quoted) return parseUnknown(type, words);
  const { fields, example } = layoutOf(type);
  if (fields.length === 0) {
    const message = `expected ${typeName(type)} data as \\# with a count of octets and hexadecimal`;
    return { message, word: 0 };
  }
  const out: number[] = [];
  let at = 0;
  for (const field of fields) {
    const left = words.slice(at);
    if (left.length === 0 && field !== "params") {
      return { message: `expected ${WORDS[field]}, as in ${example}`, word: at };
    }
    const taken = FROM_WORDS[field](left, origin, { type, before: out });
    if (typeof taken === "string") return { message: taken, word: at };
    for (const octet of taken.octets) out.push(octet);
    at += taken.words;
  }
  if (at < words.length) return { message: `expected nothing more, as in ${example}`, word: at };
  if (out.length > 65_535) return { message: "expected at most 65535 octets of data", word: 0 };
  return Uint8Array.from(out);
}

/** `\# 4 0a000001` (RFC 3597 5). Data of a type that we know must be good data of it. */
function parseUnknown(type: number, words: readonly DataWord[]): Uint8Array | DataProblem {
  const count = words[1]?.text ?? "";
  if (!/^\d{1,5}$/.test(count) || Number(count) > 65_535) {
    return { message: "expected the count of octets after \\#", word: 1 };
  }
  const octets = parseHex(joined(words.slice(2)));
  if (octets === null || octets.length !== Number(count)) {
    return { message: `expected ${count} octets in hexadecimal`, word: Math.min(2, words.length) };
  }
  if (layoutOf(type).fields.length > 0 && formatData(type, octets) === null) {
    return { message: `expected octets that are ${typeName(type)} data`, word: 2 };
  }
  return octets;
}

interface Taken {
  readonly octets: ArrayLike<number> & Iterable<number>;
  readonly words: number;
}
type Origin = Uint8Array | null;
type Take = (
  words: readonly DataWord[],
  origin: Origin,
  of: { readonly type: number; readonly before: readonly number[] },
) => Taken | string;

const WORDS: Readonly<Record<Field, string>> = {
  u8: "a number from 0 to 255",
  u16: "a number from 0 to 65535",
  u32: "a number from 0 to 4294967295",
  seconds: "seconds, such as 3600 or 1h",
  v4: "an IPv4 address",
  v6: "an IPv6 address",
  name: "a name",
  string: "a string of at most 255 octets",
  strings: "strings of at most 255 octets",
  tag: "a tag of 1 to 15 letters and digits",
  text: "a string",
  hex: "hexadecimal digits",
  base64: "base64",
  params: "parameters",
};

const FROM_WORDS: Readonly<Record<Field, Take>> = {
  u8: (words) => takeNumber(words, 1),
  u16: (words) => takeNumber(words, 2),
  u32: (words) => takeNumber(words, 4),
  seconds: (words) => {
    const seconds = parseSeconds(words[0]!.text);
    return seconds === null ? `expected ${WORDS.seconds}` : one(bigEndian(seconds, 4));
  },
  v4: (words) => takeAddress(words, 4),
  v6: (words) => takeAddress(words, 16),
  name: (words, origin) => {
    const { text, quoted } = words[0]!;
    const name = quoted ? null : wholeName(text, origin);
    return name === null ? "expected a name, such as mail.shop.example" : one(name);
  },
  string: (words) => takeString(words[0]!),
  strings: (words) => {
    const octets: number[] = [];
    for (const word of words) {
      const taken = takeString(word);
      if (typeof taken === "string") return taken;
      for (const octet of Array.from(taken.octets)) octets.push(octet);
    }
    return { octets, words: words.length };
  },
  tag: (words) => {
    const text = words[0]!.text;
    if (!/^[a-z0-9]{1,15}$/i.test(text)) return `expected ${WORDS.tag}`;
    return one([text.length, ...new TextEncoder().encode(text)]);
  },
  text: (words) => {
    const octets = parseEscaped(words[0]!.text);
    return octets === null ? 'expected a string with escapes such as \\" or \\255' : one(octets);
  },
  hex: (words, _, { type, before }) => {
    const octets = parseHex(joined(words));
    if (octets === null || octets.length === 0) return "expected pairs of hexadecimal digits";
    const length = digestOctets(type, before.at(-1)!);
    if (length !== null && octets.length !== length) {
      return `expected ${length * 2} hexadecimal digits for a digest of kind ${before.at(-1)}`;
    }
    return { octets, words: words.length };
  },
  base64: (words) => {
    const octets = parseBase64(joined(words));
    return octets === null || octets.length === 0
      ? "expected base64"
      : { octets, words: words.length };
  },
  params: (words, _, { before }) => {
    if (before[0] === 0 && before[1] === 0 && words.length > 0) {
      return "expected no parameters with priority 0, an alias (RFC 9460 2.4.2)";
    }
    const params = words.map(({ text }) => parseParam(text));
    const wrong = params.find((param) => typeof param === "string");
    if (wrong !== undefined) return wrong;
    const octets = encodeParams(params.filter((param) => typeof param !== "string"));
    return typeof octets === "string" ? octets : { octets, words: words.length };
  },
};

function one(octets: Taken["octets"]): Taken {
  return { octets, words: 1 };
}

function joined(words: readonly DataWord[]): string {
  return words.map((word) => word.text).join("");
}

function takeNumber(words: readonly DataWord[], octets: 1 | 2 | 4): Taken | string {
  const { text } = words[0]!;
  const most = 256 ** octets - 1;
  if (!/^\d{1,10}$/.test(text) || Number(text) > most) return `expected a number from 0 to ${most}`;
  return one(bigEndian(Number(text), octets));
}

function bigEndian(value: number, octets: number): number[] {
  return Array.from({ length: octets }, (_, i) => (value / 256 ** (octets - 1 - i)) & 255);
}

function takeAddress(words: readonly DataWord[], octets: 4 | 16): Taken | string {
  const address = parseAddress(words[0]!.text);
  if (address?.length === octets) return one(address);
  return octets === 4
    ? "expected an IPv4 address, such as 192.0.2.10"
    : "expected an IPv6 address, such as 2001:db8::10";
}

function takeString({ text }: DataWord): Taken | string {
  const octets = parseEscaped(text);
  if (octets === null) return 'expected a string with escapes such as \\" or \\255';
  if (octets.length > 255) return `expected ${WORDS.string}: received ${octets.length}`;
  return one([octets.length, ...octets]);
}

/**
 * A name of a master file as octets in lower case: `@` is the origin, and what does not end in a
 * dot is relative to it. Null when it is no name, or too long.
 */
export function wholeName(text: string, origin: Uint8Array | null): Uint8Array | null {
  if (text === "@") return origin;
  if (text === "" || /[^\x20-\x7e]/.test(text)) return null;
  const name = encodeName(text);
  if (name === null) return null;
  lowerCaseName(name);
  if (origin === null || /(?:^|[^\\])(?:\\\\)*\.$/.test(text)) return name;
  const whole = new Uint8Array(name.length - 1 + origin.length);
  whole.set(name);
  whole.set(origin, name.length - 1);
  return whole.length > NAME_BYTES_MAX ? null : whole;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Seconds, plain or with units as BIND writes them; at most 2^31 - 1 (RFC 2181 8).
 *
 * @example parseSeconds("1h30m")
 */
export function parseSeconds(text: string): number | null {
  if (!/^(?:\d{1,10}|(?:\d{1,10}[smhdw])+)$/i.test(text)) return null;
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)([smhdw]?)/gi)) {
    sum += Number(digits) * (UNITS[unit!.toLowerCase()] ?? 1);
  }
  return sum > 0x7fffffff ? null : sum;
}

/** How names end: with a dot in master files, without elsewhere. */
export interface DataStyle {
  readonly finalDot?: boolean;
}

/**
 * The text of record data; null when the octets are no data of that type. Types without a text of
 * their own are written as RFC 3597 has it.
 */
export function formatData(type: number, octets: Uint8Array, style: DataStyle = {}): string | null {
  const { fields } = layoutOf(type);
  if (fields.length === 0) {
    return octets.length === 0 ? "\\# 0" : `\\# ${octets.length} ${formatHex(octets)}`;
  }
  const texts: string[] = [];
  let at = 0;
  for (const field of fields) {
    const rest = octets.subarray(at);
    const known = FROM_OCTETS[field](rest, style.finalDot ?? false);
    if (known === null) return null;
    if (known.text !== "") texts.push(known.text);
    at += known.octets;
  }
  return at === octets.length && isWhole(type, octets) ? texts.join(" ") : null;
}

/** What `parseData` would refuse although each field is well-formed. */
function isWhole(type: number, octets: Uint8Array): boolean {
  const { fields } = layoutOf(type);
  if (fields.at(-1) === "params") {
    const alias = octets[0] === 0 && octets[1] === 0;
    return !alias || octets.length === 2 + nameOctets(octets.subarray(2));
  }
  const headOctets = type === TYPE.SSHFP ? 2 : type === TYPE.TLSA || type === TYPE.SMIMEA ? 3 : 4;
  const length = digestOctets(type, octets[headOctets - 1] ?? 0);
  return length === null || octets.length === headOctets + length;
}

interface Known {
  readonly text: string;
  readonly octets: number;
}

const FROM_OCTETS: Readonly<Record<Field, (rest: Uint8Array, dot: boolean) => Known | null>> = {
  u8: (rest) => knownNumber(rest, 1),
  u16: (rest) => knownNumber(rest, 2),
  u32: (rest) => knownNumber(rest, 4),
  seconds: (rest) => ((rest[0] ?? 0) > 127 ? null : knownNumber(rest, 4)),
  v4: (rest) => knownAddress(rest, 4),
  v6: (rest) => knownAddress(rest, 16),
  name: (rest, dot) => {
    const octets = nameOctets(rest);
    const known = octets < 0 ? null : decodeName(rest, 0);
    if (known === null || isWireFault(known)) return null;
    const name = known.name.replace(/[;"()]/g, "\\$&");
    return { text: name === "" ? "." : dot ? `${name}.` : name, octets };
  },
  string: (rest) => knownString(rest),
  strings: (rest) => {
    const texts: string[] = [];
    let at = 0;
    while (at < rest.length) {
      const known = knownString(rest.subarray(at));
      if (known === null) return null;
      texts.push(known.text);
      at += known.octets;
    }
    return at === 0 ? null : { text: texts.join(" "), octets: at };
  },
  tag: (rest) => {
    const length = rest[0] ?? 0;
    const text = new TextDecoder("latin1").decode(rest.subarray(1, length + 1));
    if (rest.length < length + 1 || !/^[a-z0-9]{1,15}$/i.test(text)) return null;
    return { text, octets: length + 1 };
  },
  text: (rest) => ({ text: formatQuoted(rest), octets: rest.length }),
  hex: (rest) => (rest.length === 0 ? null : { text: formatHex(rest), octets: rest.length }),
  base64: (rest) => (rest.length === 0 ? null : { text: formatBase64(rest), octets: rest.length }),
  params: (rest) => {
    const text = formatParams(rest);
    return text === null ? null : { text, octets: rest.length };
  },
};

/** Octets of the uncompressed name at the front, or -1. */
function nameOctets(rest: Uint8Array): number {
  for (let at = 0; at < NAME_BYTES_MAX; at += rest[at]! + 1) {
    const length = rest[at];
    if (length === undefined || length > 63) return -1;
    if (length === 0) return at + 1;
  }
  return -1;
}

function knownNumber(rest: Uint8Array, octets: number): Known | null {
  if (rest.length < octets) return null;
  let value = 0;
  for (let i = 0; i < octets; i++) value = value * 256 + rest[i]!;
  return { text: String(value), octets };
}

function knownAddress(rest: Uint8Array, octets: 4 | 16): Known | null {
  if (rest.length < octets) return null;
  return { text: formatAddress(rest.subarray(0, octets)), octets };
}

function knownString(rest: Uint8Array): Known | null {
  const length = rest[0];
  if (length === undefined || rest.length < length + 1) return null;
  return { text: formatQuoted(rest.subarray(1, length + 1)), octets: length + 1 };
}
