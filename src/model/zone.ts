import { z } from "zod";
import {
  encodeName,
  formatData,
  isDataProblem,
  layoutOf,
  lowerCaseName,
  parseData,
  TYPE,
  typeName,
  typeNumber,
  wordsOf,
} from "../wire/dns/mod.ts";
import { dnssec, hostname, proven } from "./names.ts";
import { zoneTransfer } from "./zone-extras.ts";

/** D14: what one zone may hold, as BIND bounds it (`max-records-per-type`, `max-types-per-name`). */
export const ZONE_LIMITS = {
  records: 10_000,
  recordsPerSet: 100,
  typesPerName: 100,
  /** Octets of one set with its owner names: it must fit into one message. */
  setBytes: 60_000,
} as const;

/** Types that no customer writes: made by us, or none of a zone's. */
const NOT_WRITTEN: ReadonlyMap<number, string> = new Map([
  [TYPE.SOA, "expected no SOA: it is made from the network's settings"],
  [TYPE.DNAME, "expected no DNAME: use a CNAME, or a wildcard CNAME"],
  ...[TYPE.RRSIG, TYPE.NSEC, TYPE.NSEC3, TYPE.NSEC3PARAM].map(
    (type) => [type, `expected no ${typeName(type)}: signing makes them`] as const,
  ),
  ...[TYPE.DNSKEY, TYPE.CDNSKEY, TYPE.CDS].map(
    (type) => [type, `expected no ${typeName(type)}: signing makes them`] as const,
  ),
]);

/** Why a zone has no records of this type, or null. Numbers 128 to 255 ask, and hold no data. */
export function whyNoType(type: number): string | null {
  const meta = type === 0 || type === TYPE.OPT || (type >= 128 && type <= 255);
  if (meta) return `expected a type of data, such as MX: ${typeName(type)} is none`;
  return NOT_WRITTEN.get(type) ?? null;
}

/**
 * A value's octets, or what was expected. Values are as in master files (names whole, whether or
 * not they end in a dot), but TXT that does not begin with a quote is the text itself.
 *
 * @example encodeRecordValue(TYPE.MX, "10 mail.shop.example")
 */
export function encodeRecordValue(type: number, value: string): Uint8Array | string {
  if (type === TYPE.TXT && !/^(?:"|\\#\s)/.test(value)) return splitText(value);
  const words = wordsOf(value);
  if (words === null) return "expected a closing quote";
  const data = parseData(type, words, null);
  if (!isDataProblem(data)) return data;
  const { example } = layoutOf(type);
  return data.message.includes(", as in ") || data.message.includes("such as")
    ? data.message
    : `${data.message}, as in ${example}`;
}

/** As strings of 255 octets, the last one shorter (RFC 1035 3.3.14; RFC 7208 3.3 joins them). */
function splitText(text: string): Uint8Array | string {
  const octets = new TextEncoder().encode(text);
  const strings = Math.max(1, Math.ceil(octets.length / 255));
  const size = octets.length + strings;
  if (size > 65_535) return `expected at most 65535 octets of data: received ${size}`;
  const out = new Uint8Array(size);
  for (let i = 0; i < strings; i++) {
    const part = octets.subarray(i * 255, (i + 1) * 255);
    out[i * 256] = part.length;
    out.set(part, i * 256 + 1);
  }
  return out;
}

/** The one text of a value: of TXT the text itself where that is as good. */
export function formatRecordValue(type: number, data: Uint8Array): string {
  if (type === TYPE.TXT) {
    const plain = plainText(data);
    if (plain !== null) return plain;
  }
  return formatData(type, data) ?? `\\# ${data.length} ${[...data].map(hexOctet).join("")}`;
}

function hexOctet(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}

function plainText(data: Uint8Array): string | null {
  const octets: number[] = [];
  for (let at = 0; at < data.length; at += data[at]! + 1) {
    if (data[at] !== 255 && at + 1 + data[at]! !== data.length) return null;
    for (const octet of data.subarray(at + 1, at + 1 + data[at]!)) octets.push(octet);
  }
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(octets));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must be escaped
  if (text === "" || /[\u0000-\u001f\u007f\ufffd]/.test(text) || /^(?:["\s]|\\#)/.test(text)) {
    return null;
  }
  const again = splitText(text);
  const same = typeof again !== "string" && again.length === data.length;
  return same && again.every((octet, i) => octet === data[i]) ? text : null;
}

/**
 * A name relative to its zone in its one form: lower case, `@` for the zone itself, and octets that
 * are neither letters, digits, `-`, `_` nor other plain signs as `\DDD`, so that every dot parts two
 * labels. Null when it is none.
 */
export function ownerName(text: string): string | null {
  if (text === "@") return text;
  if (/[^\x20-\x7e]|(?:^|[^\\])(?:\\\\)*\.$/.test(text)) return null;
  const wire = encodeName(text);
  if (wire === null || wire.length === 1) return null;
  return nameText(lowerCaseName(wire));
}

/** A whole name in octets as text where every dot parts two labels; the root is "". */
export function nameText(wire: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; wire[at] !== 0; at += wire[at]! + 1) {
    let label = "";
    for (const octet of wire.subarray(at + 1, at + 1 + wire[at]!)) {
      const plain = octet > 0x20 && octet < 0x7f && octet !== 0x2e && octet !== 0x5c;
      label += plain ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, "0")}`;
    }
    labels.push(label);
  }
  return labels.join(".");
}

/** Relative to the zone -> absolute, without the final dot. */
export function absoluteName(name: string, zone: string): string {
  return name === "@" ? zone : `${name}.${zone}`;
}

/** Absolute -> relative to the zone; null when it lies outside. */
export function relativeName(name: string, zone: string): string | null {
  if (name === zone) return "@";
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : null;
}

const TTL = "expected seconds from 0 to 604800";

/** A plain record of a zone. `name` is relative to the zone; `@` is the apex. */
export const zoneRecord = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(1004)
      .meta({
        description: "Relative to the zone; @: the zone itself",
        examples: ["www"],
      }),
    type: z.string().min(1).max(20).meta({ description: "Such as MX, or TYPE123 (RFC 3597)" }),
    ttlSec: z
      .int({ message: TTL })
      .min(0, { message: TTL })
      .max(604_800, { message: TTL })
      .default(3600)
      .meta({ description: "How long resolvers may keep it, in seconds" }),
    value: z.string().min(1).max(140_000).meta({
      description: "As in a master file; names in it are absolute; TXT may be the plain text",
    }),
  })
  .transform((record, ctx): { name: string; type: string; ttlSec: number; value: string } => {
    const problem = (path: string, message: string) => {
      ctx.addIssue({ code: "custom", path: [path], message });
      return z.NEVER;
    };
    const name = ownerName(record.name);
    if (name === null) return problem("name", "expected a name in the zone, such as www, or @");
    const type = typeNumber(record.type);
    if (type === null) return problem("type", "expected a record type, such as MX or TYPE123");
    const why = whyNoType(type);
    if (why !== null) return problem("type", why);
    const data = encodeRecordValue(type, record.value);
    if (typeof data === "string") return problem("value", data);
    const value = formatRecordValue(type, data);
    return { name, type: typeName(type), ttlSec: record.ttlSec, value };
  });
export type ZoneRecord = z.infer<typeof zoneRecord>;

/** A customer's zone that our name servers hold whole (onboarding `hosted`). */
export const zone = z.strictObject({
  name: hostname.meta({ description: "The zone's own name", examples: ["shop.example"] }),
  dnssec: dnssec.optional(),
  proven: proven.optional(),
  transfer: zoneTransfer.optional().meta({
    description: "Secondaries that may fetch it whole; docs/zones.md",
  }),
  records: z.array(zoneRecord).max(ZONE_LIMITS.records).default([]).meta({
    description: "Its plain records",
  }),
});
export type Zone = z.infer<typeof zone>;
