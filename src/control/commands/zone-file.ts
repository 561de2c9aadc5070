import { bad, ok, type Problem, type Result } from "../../base/result.ts";
import type { ZoneView } from "../../model/api/mod.ts";
import { problemsOf } from "../../model/document.ts";
import type { Network } from "../../model/network.ts";
import {
  absoluteName,
  encodeRecordValue,
  formatRecordValue,
  nameText,
  relativeName,
  whyNoType,
  ZONE_LIMITS,
  type ZoneRecord,
  zoneRecord,
} from "../../model/zone.ts";
import { nameServerSet } from "../../policy/snapshot/mod.ts";
import { encodeName, parseData, TYPE, typeName, typeNumber, wordsOf } from "../../wire/dns/mod.ts";
import { formatZoneFile, type MasterRecord, parseZoneFile } from "../../wire/zonefile/mod.ts";

export interface ReadZone {
  readonly records: readonly ZoneRecord[];
  /** Where each record stands in the file. */
  readonly places: readonly { readonly line: number; readonly column: number }[];
  readonly ignored: readonly string[];
}

/** Types that are made here, and so are left out of a file that brings them. */
const MADE_HERE: ReadonlySet<number> = new Set([
  TYPE.SOA,
  TYPE.RRSIG,
  TYPE.NSEC,
  TYPE.NSEC3,
  TYPE.NSEC3PARAM,
  TYPE.DNSKEY,
  TYPE.CDNSKEY,
  TYPE.CDS,
]);

/** Names of the name servers of a customer's zones. */
export function serverNames(network: Network, customer: string): string[] {
  const nodes = network.nodes.filter((node) => node.roles.includes("dns")).map(({ name }) => name);
  return nameServerSet(customer, nodes, network.zone).map(({ name }) => name);
}

/** The records of a master file as a zone keeps them; every problem with line and column. */
export function readZoneFile(
  text: string,
  zone: string,
  servers: readonly string[],
): Result<ReadZone> {
  const parsed = parseZoneFile(text, { origin: zone, recordsMax: ZONE_LIMITS.records * 2 });
  if (!parsed.ok) return parsed;
  const ignored = new Map<string, number>();
  const skip = (why: string) => ignored.set(why, (ignored.get(why) ?? 0) + 1);
  const keepsServers = namesOurs(parsed.value, zone, servers);
  const records: ZoneRecord[] = [];
  const places: { line: number; column: number }[] = [];
  const problems: Problem[] = [];
  for (const { name, type, data, ttlSec, line, column } of parsed.value) {
    const owner = relativeName(nameText(name), zone) ?? "@";
    if (MADE_HERE.has(type)) {
      skip(`${typeName(type)}: made here`);
      continue;
    }
    if (type === TYPE.NS && owner === "@" && !keepsServers) {
      skip("NS of the zone itself: this network's name servers answer for it");
      continue;
    }
    const raw = { name: owner, type: typeName(type), ttlSec, value: formatRecordValue(type, data) };
    const record = whyNoType(type) === null ? zoneRecord.safeParse(raw) : refuse(type);
    if (record.success) {
      records.push(record.data);
      places.push({ line, column });
    } else {
      const found = "why" in record ? [record.why] : problemsOf(record.error, raw);
      problems.push(...found.map((p) => ({ ...p, line, column })));
    }
  }
  if (records.length > ZONE_LIMITS.records) {
    const message = `expected at most ${ZONE_LIMITS.records} records in a zone`;
    problems.push({ path: "", message, received: String(records.length) });
  }
  if (problems.length > 0) return bad(problems);
  const words = [...ignored].map(([why, count]) => `${count} ${why}`);
  return ok({ records, places, ignored: words });
}

function refuse(type: number) {
  const message = whyNoType(type) ?? "expected another type";
  return { success: false, why: { path: "type", message, received: typeName(type) } } as const;
}

/**
 * NS at the apex are kept only when they name one of ours and others too: a file from elsewhere
 * names the servers that it leaves, and one of ours alone says what holds anyhow.
 */
function namesOurs(
  records: readonly MasterRecord[],
  zone: string,
  servers: readonly string[],
): boolean {
  const named = records
    .filter((r) => r.type === TYPE.NS && nameText(r.name) === zone)
    .map((r) => nameText(r.data));
  const ours = named.filter((name) => servers.includes(name)).length;
  return ours > 0 && (named.length > ours || ours < servers.length);
}

/** A zone as a master file, with the SOA and NS that are answered for it. */
export function writeZoneFile(
  zone: Pick<ZoneView, "name" | "customer" | "records">,
  network: Network,
  serial: number,
): string {
  const servers = serverNames(network, zone.customer);
  const contact = network.contact ?? `hostmaster@${network.zone}`;
  const at = contact.lastIndexOf("@");
  const rname = `${contact.slice(0, at).replace(/[.\\]/g, "\\$&")}.${contact.slice(at + 1)}`;
  const soa = `${servers[0] ?? zone.name}. ${rname}. ${serial} 3600 600 604800 5`;
  const own = zone.records.some((r) => r.name === "@" && r.type === "NS");
  const apex = [["SOA", soa], ...(own ? [] : servers.map((name) => ["NS", `${name}.`]))];
  const made = apex.map(([type = "", value = ""]) => ({ name: "@", type, ttlSec: 3600, value }));
  const records = [...made, ...zone.records].flatMap(({ name, type, ttlSec, value }) => {
    const wire = encodeName(absoluteName(name, zone.name));
    const number = typeNumber(type) ?? 0;
    const data = octetsOf(number, value);
    return wire === null || data === null ? [] : [{ name: wire, ttlSec, type: number, data }];
  });
  return formatZoneFile(records, { origin: zone.name });
}

function octetsOf(type: number, value: string): Uint8Array | null {
  if (type === TYPE.SOA) {
    const data = parseData(type, wordsOf(value) ?? [], null);
    return "message" in data ? null : data;
  }
  const data = encodeRecordValue(type, value);
  return typeof data === "string" ? null : data;
}
