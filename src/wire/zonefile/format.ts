import { assert } from "../../base/assert.ts";
import { decodeName, formatData, isWireFault, TYPE, typeName } from "../dns/mod.ts";
import type { MasterRecord } from "./parse.ts";

/**
 * A zone as a master file in its one form: $ORIGIN and $TTL first, the SOA, then names in the order
 * of their labels from the root (RFC 4034 6.1) and types by number; names of the zone relative to it,
 * in data whole.
 *
 * @example formatZoneFile(records, { origin: "shop.example" })
 */
export function formatZoneFile(
  records: readonly Pick<MasterRecord, "name" | "ttlSec" | "type" | "data">[],
  o: { readonly origin: string },
): string {
  const ttlSec = commonTtl(records);
  const rows = records
    .map((record) => ({ ...record, owner: textOf(record.name), key: sortKey(record.name) }))
    .sort((a, b) => {
      const apart = compare(a.key, b.key) || rank(a.type) - rank(b.type);
      return apart || compareOctets(a.data, b.data);
    });
  const lines = [`$ORIGIN ${o.origin}.`, `$TTL ${ttlSec}`];
  let before: string | null = null;
  for (const row of rows) {
    const data = formatData(row.type, row.data, { finalDot: true });
    assert(data !== null, "Records to be written have data of their type");
    const owner = row.owner === before ? "" : relative(row.owner, o.origin);
    const ttl = row.ttlSec === ttlSec ? "" : `${row.ttlSec} `;
    lines.push(`${owner}\t${ttl}IN ${typeName(row.type)} ${data}`);
    before = row.owner;
  }
  return `${lines.join("\n")}\n`;
}

/** The SOA first, then NS, then by number. */
function rank(type: number): number {
  return type === TYPE.SOA ? -2 : type === TYPE.NS ? -1 : type;
}

function commonTtl(records: readonly { readonly ttlSec: number }[]): number {
  const counts = new Map<number, number>();
  for (const { ttlSec } of records) counts.set(ttlSec, (counts.get(ttlSec) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return most?.[0] ?? 3600;
}

function textOf(name: Uint8Array): string {
  const decoded = decodeName(name, 0);
  assert(!isWireFault(decoded), "A record's name is a name");
  // What begins a comment, a quote or a group in a master file, or a directive, or is the origin.
  return decoded.name.replace(/[;"()]|^[$@]/g, "\\$&");
}

function relative(name: string, origin: string): string {
  if (name === origin) return "@";
  return name.endsWith(`.${origin}`) ? name.slice(0, -origin.length - 1) : `${name}.`;
}

function sortKey(name: Uint8Array): Uint8Array[] {
  const labels: Uint8Array[] = [];
  for (let at = 0; name[at] !== 0; at += name[at]! + 1) {
    labels.unshift(name.subarray(at + 1, at + 1 + name[at]!));
  }
  return labels;
}

function compare(a: readonly Uint8Array[], b: readonly Uint8Array[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const apart = compareOctets(a[i]!, b[i]!);
    if (apart !== 0) return apart;
  }
  return a.length - b.length;
}

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}
