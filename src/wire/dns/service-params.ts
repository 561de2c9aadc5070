import { formatAddress, parseAddress } from "../ip/mod.ts";
import { formatBase64, formatQuoted, parseBase64, parseEscaped } from "./text-octets.ts";

/** Parameters of SVCB and HTTPS records (RFC 9460 2, 7, 14.3.2; RFC 9461 5; RFC 9540 4). */
const KEYS = [
  "mandatory",
  "alpn",
  "no-default-alpn",
  "port",
  "ipv4hint",
  "ech",
  "ipv6hint",
  "dohpath",
  "ohttp",
] as const;

const MANDATORY = 0;
const ALPN = 1;
const NO_DEFAULT_ALPN = 2;
const PORT = 3;
const IPV4HINT = 4;
const ECH = 5;
const IPV6HINT = 6;
const OHTTP = 8;

interface Param {
  readonly key: number;
  readonly value: Uint8Array;
}

/** One parameter such as `alpn=h2,h3`, its value's quotes taken off; or why it is none. */
export function parseParam(text: string): Param | string {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  const key = keyNumber(name);
  if (key === null) return `expected a parameter's name, such as alpn or key667: received ${name}`;
  const raw = parseEscaped(at < 0 ? "" : text.slice(at + 1));
  if (raw === null) return `expected ${name} with escapes such as \\" or \\255`;
  const value = parseValue(key, raw);
  return typeof value === "string" ? `expected ${name} to be ${value}` : { key, value };
}

/** All parameters as octets, in the order of their keys; or what is wrong with them together. */
export function encodeParams(params: readonly Param[]): Uint8Array | string {
  const sorted = params.toSorted((a, b) => a.key - b.key);
  const wrong = checkParams(sorted);
  if (wrong !== null) return wrong;
  const out: number[] = [];
  for (const { key, value } of sorted) {
    if (value.length > 65_535) return `expected a shorter ${keyName(key)}`;
    out.push(key >> 8, key & 255, value.length >> 8, value.length & 255, ...value);
  }
  return Uint8Array.from(out);
}

/** The parameters as text, such as `alpn="h2" port=8443`; null when the octets are none. */
export function formatParams(octets: Uint8Array): string | null {
  const params: Param[] = [];
  for (let at = 0; at < octets.length; ) {
    if (at + 4 > octets.length) return null;
    const end = at + 4 + u16(octets, at + 2);
    if (end > octets.length) return null;
    params.push({ key: u16(octets, at), value: octets.subarray(at + 4, end) });
    at = end;
  }
  if (params.some((p, i) => i > 0 && p.key <= params[i - 1]!.key)) return null;
  if (checkParams(params) !== null) return null;
  const texts = params.map(({ key, value }) => formatParam(key, value));
  return texts.includes(null) ? null : texts.join(" ");
}

/** What no parameter shows alone (RFC 9460 2.2, 7.1.1, 8). Sorted by key. */
function checkParams(params: readonly Param[]): string | null {
  const keys = params.map((p) => p.key);
  const twice = keys.find((key, i) => keys[i - 1] === key);
  if (twice !== undefined) return `expected ${keyName(twice)} once`;
  if (keys.includes(NO_DEFAULT_ALPN) && !keys.includes(ALPN)) {
    return "expected alpn beside no-default-alpn";
  }
  const mandatory = params[0]?.key === MANDATORY ? params[0].value : new Uint8Array(0);
  for (let at = 0; at + 1 < mandatory.length; at += 2) {
    const key = u16(mandatory, at);
    if (!keys.includes(key)) return `expected ${keyName(key)}, which is said to be mandatory`;
  }
  return null;
}

function keyNumber(name: string): number | null {
  const known = KEYS.indexOf(name.toLowerCase() as (typeof KEYS)[number]);
  if (known >= 0) return known;
  const digits = /^key(0|[1-9]\d{0,4})$/i.exec(name)?.[1];
  return digits === undefined || Number(digits) >= 65_535 ? null : Number(digits);
}

function keyName(key: number): string {
  return KEYS[key] ?? `key${key}`;
}

/** The value's octets, or what was expected. */
function parseValue(key: number, raw: Uint8Array): Uint8Array | string {
  const text = new TextDecoder("latin1").decode(raw);
  switch (key) {
    case MANDATORY:
      return parseMandatory(text);
    case ALPN:
      return parseList(raw);
    case NO_DEFAULT_ALPN:
    case OHTTP:
      return raw.length === 0 ? raw : "without a value";
    case PORT: {
      const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
      return port > 65_535 ? "a number from 0 to 65535" : Uint8Array.of(port >> 8, port & 255);
    }
    case IPV4HINT:
      return parseHints(text, 4) ?? "IPv4 addresses with commas between them";
    case IPV6HINT:
      return parseHints(text, 16) ?? "IPv6 addresses with commas between them";
    case ECH:
      return (raw.length > 0 ? parseBase64(text) : null) ?? "base64";
    default:
      return raw;
  }
}

function parseMandatory(text: string): Uint8Array | string {
  const keys = text.split(",").map(keyNumber);
  const sorted = keys.filter((key) => key !== null).sort((a, b) => a - b);
  const wrong = sorted.length < keys.length || sorted[0] === MANDATORY;
  if (wrong || new Set(sorted).size < sorted.length) {
    return "names of other parameters, each once, with commas between them";
  }
  return Uint8Array.from(sorted.flatMap((key) => [key >> 8, key & 255]));
}

/** Items with commas between them; `\,` and `\\` within one (RFC 9460 A.1). */
function parseList(raw: Uint8Array): Uint8Array | string {
  const out: number[] = [];
  let item: number[] = [];
  for (let i = 0; i <= raw.length; i++) {
    const octet = raw[i];
    if (octet === undefined || octet === 0x2c) {
      if (item.length === 0 || item.length > 255) return "items of 1 to 255 octets";
      out.push(item.length, ...item);
      item = [];
    } else if (octet === 0x5c) {
      const next = raw[++i];
      if (next === undefined) return "no \\ at the end";
      item.push(next);
    } else item.push(octet);
  }
  return Uint8Array.from(out);
}

function parseHints(text: string, octets: 4 | 16): Uint8Array | null {
  const addresses = text.split(",").map(parseAddress);
  if (addresses.some((address) => address?.length !== octets)) return null;
  return Uint8Array.from(addresses.flatMap((address) => [...address!]));
}

function formatParam(key: number, value: Uint8Array): string | null {
  const name = keyName(key);
  switch (key) {
    case MANDATORY: {
      if (value.length === 0 || value.length % 2 !== 0) return null;
      const keys: number[] = [];
      for (let at = 0; at < value.length; at += 2) keys.push(u16(value, at));
      const sorted = keys.every((k, i) => k > (keys[i - 1] ?? 0));
      return sorted ? `${name}=${keys.map(keyName).join(",")}` : null;
    }
    case ALPN: {
      const list = formatList(value);
      return list === null ? null : `${name}=${formatQuoted(list)}`;
    }
    case NO_DEFAULT_ALPN:
    case OHTTP:
      return value.length === 0 ? name : null;
    case PORT:
      return value.length === 2 ? `${name}=${u16(value, 0)}` : null;
    case IPV4HINT:
      return formatHints(name, value, 4);
    case IPV6HINT:
      return formatHints(name, value, 16);
    case ECH:
      return value.length === 0 ? null : `${name}=${formatBase64(value)}`;
    default:
      return value.length === 0 ? name : `${name}=${formatQuoted(value)}`;
  }
}

function formatList(value: Uint8Array): Uint8Array | null {
  const out: number[] = [];
  if (value.length === 0) return null;
  for (let at = 0; at < value.length; at += value[at]! + 1) {
    const end = at + 1 + value[at]!;
    if (value[at] === 0 || end > value.length) return null;
    if (at > 0) out.push(0x2c);
    for (const octet of value.subarray(at + 1, end)) {
      if (octet === 0x2c || octet === 0x5c) out.push(0x5c);
      out.push(octet);
    }
  }
  return Uint8Array.from(out);
}

function formatHints(name: string, value: Uint8Array, octets: 4 | 16): string | null {
  if (value.length === 0 || value.length % octets !== 0) return null;
  const addresses: string[] = [];
  for (let at = 0; at < value.length; at += octets) {
    addresses.push(formatAddress(value.subarray(at, at + octets)));
  }
  return `${name}=${addresses.join(",")}`;
}

function u16(octets: Uint8Array, at: number): number {
  return (octets[at]! << 8) | octets[at + 1]!;
}
