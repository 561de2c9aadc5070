import { TYPE } from "./codes.ts";

/** What stands in the data of a record, one after the other. All but the last have an end. */
export type Field =
  | "u8"
  | "u16"
  | "u32"
  /** Seconds, as `u32`; in master files also with units. */
  | "seconds"
  | "v4"
  | "v6"
  | "name"
  /** One string of at most 255 octets after its length. */
  | "string"
  | "strings"
  /** Letters and digits after their length (RFC 8659 4.1). */
  | "tag"
  /** Octets to the end, written as a string. */
  | "text"
  /** Octets to the end. */
  | "hex"
  | "base64"
  /** RFC 9460 2.2 */
  | "params";

interface Layout {
  readonly fields: readonly Field[];
  /** For a person who got it wrong. */
  readonly example: string;
}

const DIGEST = ["u16", "u8", "u8", "hex"] as const;
const SERVICE = ["u16", "name", "params"] as const;
const KEY = ["u16", "u8", "u8", "base64"] as const;

/** The types whose text is not only `\# n hex`. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [TYPE.A, { fields: ["v4"], example: "192.0.2.10" }],
  [TYPE.AAAA, { fields: ["v6"], example: "2001:db8::10" }],
  [TYPE.NS, { fields: ["name"], example: "ns1.shop.example" }],
  [TYPE.CNAME, { fields: ["name"], example: "www.shop.example" }],
  [TYPE.ALIAS, { fields: ["name"], example: "cdn.other.example" }],
  [TYPE.DNAME, { fields: ["name"], example: "shop.example" }],
  [TYPE.PTR, { fields: ["name"], example: "www.shop.example" }],
  [
    TYPE.SOA,
    {
      fields: ["name", "name", "u32", "seconds", "seconds", "seconds", "seconds"],
      example: "ns1.shop.example hostmaster.shop.example 1 3600 600 604800 300",
    },
  ],
  [TYPE.HINFO, { fields: ["string", "string"], example: "amd64 linux" }],
  [TYPE.MX, { fields: ["u16", "name"], example: "10 mail.shop.example" }],
  [TYPE.TXT, { fields: ["strings"], example: "v=spf1 -all" }],
  [TYPE.RP, { fields: ["name", "name"], example: "admin.shop.example text.shop.example" }],
  [TYPE.AFSDB, { fields: ["u16", "name"], example: "1 afs.shop.example" }],
  [TYPE.SRV, { fields: ["u16", "u16", "u16", "name"], example: "0 5 5060 sip.shop.example" }],
  [
    TYPE.NAPTR,
    {
      fields: ["u16", "u16", "string", "string", "string", "name"],
      example: '100 10 "u" "E2U+sip" "!^.*$!sip:info@shop.example!" .',
    },
  ],
  [TYPE.DS, { fields: DIGEST, example: "20326 8 2 (64 hexadecimal digits)" }],
  [TYPE.CDS, { fields: DIGEST, example: "20326 8 2 (64 hexadecimal digits)" }],
  [TYPE.SSHFP, { fields: ["u8", "u8", "hex"], example: "4 2 (64 hexadecimal digits)" }],
  [TYPE.DNSKEY, { fields: KEY, example: "257 3 13 (base64)" }],
  [TYPE.CDNSKEY, { fields: KEY, example: "257 3 13 (base64)" }],
  [TYPE.TLSA, { fields: ["u8", "u8", "u8", "hex"], example: "3 1 1 (64 hexadecimal digits)" }],
  [TYPE.SMIMEA, { fields: ["u8", "u8", "u8", "hex"], example: "3 0 1 (64 hexadecimal digits)" }],
  [TYPE.OPENPGPKEY, { fields: ["base64"], example: "(base64)" }],
  [TYPE.SVCB, { fields: SERVICE, example: "1 svc.shop.example alpn=h2 port=8443" }],
  [TYPE.HTTPS, { fields: SERVICE, example: "1 . alpn=h3,h2" }],
  [TYPE.URI, { fields: ["u16", "u16", "text"], example: '10 1 "https://shop.example/"' }],
  [TYPE.CAA, { fields: ["u8", "tag", "text"], example: '0 issue "ca.example"' }],
]);

const UNKNOWN: Layout = { fields: [], example: "\\# 4 0a000001" };

/** The layout of a type's data; no fields where only RFC 3597's form is known. */
export function layoutOf(type: number): Layout {
  return LAYOUTS.get(type) ?? UNKNOWN;
}

/** Octets of a digest or fingerprint by the number that says which (RFC 4509, 6605, 6698, 6594). */
export function digestOctets(type: number, kind: number): number | null {
  if (type === TYPE.DS || type === TYPE.CDS) return { 1: 20, 2: 32, 4: 48 }[kind] ?? null;
  if (type === TYPE.SSHFP) return { 1: 20, 2: 32 }[kind] ?? null;
  if (type === TYPE.TLSA || type === TYPE.SMIMEA) return { 1: 32, 2: 64 }[kind] ?? null;
  return null;
}

/** Where a host name stands in the data whose addresses are worth adding to an answer, or -1. */
export function targetOffset(type: number): number {
  if (type === TYPE.NS) return 0;
  if (type === TYPE.MX || type === TYPE.SVCB || type === TYPE.HTTPS) return 2;
  return type === TYPE.SRV ? 6 : -1;
}

/** Where the one name stands that may be compressed: types of RFC 1035 only (RFC 3597 4), or -1. */
export function compressedOffset(type: number): number {
  if (type === TYPE.NS || type === TYPE.CNAME || type === TYPE.PTR) return 0;
  return type === TYPE.MX ? 2 : -1;
}
