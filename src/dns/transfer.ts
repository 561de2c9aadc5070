import type { Snapshot, SnapshotRecord, SnapshotSite, SnapshotZone } from "../model/snapshot.ts";
import { encodeRecordValue } from "../model/zone.ts";
import { nameServerSet } from "../policy/snapshot/mod.ts";
import {
  CLASS,
  encodeName,
  FLAG,
  HEADER_BYTES,
  MESSAGE_BYTES_MAX,
  type SignedMessage,
  type TsigKey,
  TYPE,
  tsigBytes,
  typeNumber,
  Writer,
} from "../wire/dns/mod.ts";
import { parseAddress } from "../wire/ip/mod.ts";
import { closest } from "./overlay.ts";

/** A message is sent once it is so long: below, names can be compressed (RFC 1035 4.1.4). */
const MESSAGE_BYTES = 16_000;
const INFRA_TTL_SEC = 3600;

/** One record, ready to be written. */
export interface RawRecord {
  /** Uncompressed octets. */
  readonly owner: Uint8Array;
  readonly type: number;
  readonly ttlSec: number;
  readonly data: Uint8Array;
}

/**
 * A hosted zone as secondaries get it (RFC 5936 2.2): the SOA first and last, every record between. What
 * is decided per client is static there: a steered name has all servers that may be answered.
 */
export function* zoneRecords(
  snapshot: Snapshot,
  zone: SnapshotZone,
  apex: { readonly soa: RawRecord; readonly ns: readonly RawRecord[] },
): Generator<RawRecord> {
  const sites = steeredIn(snapshot, zone);
  const below = zonesBelow(snapshot, zone.name);
  yield apex.soa;
  yield* apex.ns;
  for (const record of zone.records) {
    const apexNs = record.type === "NS" && record.name === zone.name;
    const address = record.type === "A" || record.type === "AAAA";
    if (apexNs || (address && sites.has(record.name))) continue;
    const inner = closest(record.name, (name) => below.has(name));
    const cut = record.type === "NS" || record.type === "DS";
    if (inner !== null && !(cut && inner === record.name)) continue;
    if (inner !== null && record.type === "NS") below.delete(inner);
    yield* rawRecords(record);
  }
  for (const [name, customer] of below) {
    const nodes = snapshot.nodes.filter((node) => node.roles.includes("dns"));
    const set = nameServerSet(
      customer,
      nodes.map((node) => node.name),
      snapshot.zone,
    );
    const values = set.map((server) => server.name);
    yield* rawRecords({ name, type: "NS", ttlSec: INFRA_TTL_SEC, values });
  }
  for (const site of sites.values())
    for (const record of staticView(snapshot, site)) yield* rawRecords(record);
  yield apex.soa;
}

/** Hostnames of sites that this zone answers for. */
function steeredIn(snapshot: Snapshot, zone: SnapshotZone): Map<string, SnapshotSite> {
  const names = new Set(snapshot.zones.map((one) => one.name));
  for (const site of snapshot.sites) if (site.onboarding === "delegation") names.add(site.hostname);
  const own = snapshot.sites.filter((site) => {
    return site.onboarding !== "cname" && closest(site.hostname, (n) => names.has(n)) === zone.name;
  });
  return new Map(own.map((site) => [site.hostname, site]));
}

/** Zones of ours right below this one, and whose they are. */
function zonesBelow(snapshot: Snapshot, apex: string): Map<string, string> {
  const all = new Map(snapshot.zones.map((zone) => [zone.name, zone.customer]));
  for (const site of snapshot.sites) {
    if (site.onboarding === "delegation") all.set(site.hostname, site.customer);
  }
  const below = [...all].filter(([name]) => name.endsWith(`.${apex}`));
  return new Map(
    below.filter(([name]) => {
      return closest(name.slice(name.indexOf(".") + 1), (one) => all.has(one)) === apex;
    }),
  );
}

/** All addresses that the name may be answered with: nothing that is taken out by hand. */
function staticView(snapshot: Snapshot, site: SnapshotSite): SnapshotRecord[] {
  const targets =
    site.front === "caches"
      ? snapshot.nodes.filter((node) => node.roles.includes("edge"))
      : snapshot.origins.filter((o) => o.site === site.index && o.port === site.port);
  const usable = targets.filter(({ forced }) => forced === "auto" || forced === "up");
  // As `steer()` has it: of weight 0 where no other is left, and all where nothing is.
  const weighty = usable.filter((target) => !("weight" in target) || target.weight > 0);
  const left = [weighty, usable, targets].find((list) => list.length > 0) ?? [];
  const v4 = left.flatMap((target) => (target.v4 === undefined ? [] : [target.v4]));
  const v6 = left.flatMap((target) => (target.v6 === undefined ? [] : [target.v6]));
  const { hostname: name, ttlSec } = site;
  return [
    { name, type: "A", ttlSec, values: v4 },
    { name, type: "AAAA", ttlSec, values: v6 },
  ];
}

function* rawRecords({ name, type, ttlSec, values }: SnapshotRecord): Generator<RawRecord> {
  const owner = encodeName(name);
  const number = typeNumber(type);
  if (owner === null || number === null) return;
  for (const value of values) {
    const address = number === TYPE.A || number === TYPE.AAAA ? parseAddress(value) : null;
    const data = address ?? encodeRecordValue(number, value);
    if (typeof data !== "string") yield { owner, type: number, ttlSec, data };
  }
}

export interface TransferAsk {
  readonly id: number;
  /** The question's octets: name, type and class. */
  readonly question: Uint8Array;
  readonly key: TsigKey;
  /** Signs a message; the first of a transfer is bound to the request, each further to the one before. */
  readonly sign: (message: Uint8Array, first: boolean) => SignedMessage;
}

/** The messages of a transfer, each made when the one before is on its way. */
export function* transferMessages(
  records: Iterable<RawRecord>,
  ask: TransferAsk,
): Generator<Uint8Array> {
  const room = MESSAGE_BYTES_MAX - tsigBytes(ask.key);
  const buffer = new Uint8Array(MESSAGE_BYTES_MAX);
  const out = new Writer();
  let first = true;
  let count = 0;
  const begin = () => {
    out.begin(buffer, HEADER_BYTES, room);
    if (first) out.bytes(ask.question);
    if (first) out.noteName(HEADER_BYTES);
    count = 0;
  };
  const finish = (): Uint8Array => {
    const head = new DataView(buffer.buffer, 0, HEADER_BYTES);
    const words = [ask.id, FLAG.RESPONSE | FLAG.AUTHORITATIVE, first ? 1 : 0, count, 0, 0];
    for (const [i, word] of words.entries()) head.setUint16(i * 2, word);
    const { bytes } = ask.sign(buffer.slice(0, out.at), first);
    first = false;
    return bytes;
  };
  begin();
  for (const record of records) {
    const start = out.at;
    writeRecord(out, record);
    if (out.overflow) {
      out.rewind(start);
      yield finish();
      begin();
      writeRecord(out, record);
    }
    count += 1;
    if (out.at < MESSAGE_BYTES) continue;
    yield finish();
    begin();
  }
  if (count > 0) yield finish();
}

function writeRecord(out: Writer, { owner, type, ttlSec, data }: RawRecord): void {
  out.wireName(owner);
  out.u16(type);
  out.u16(CLASS.IN);
  out.u32(ttlSec);
  out.u16(data.length);
  out.bytes(data);
}
