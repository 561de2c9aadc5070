import type { Problem } from "../../base/result.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { absoluteName, encodeRecordValue, ZONE_LIMITS, type ZoneRecord } from "../../model/zone.ts";
import { encodeName, formatData, targetOffset, typeNumber } from "../../wire/dns/mod.ts";

/** What the records of one zone are checked against. */
export interface RecordPlace {
  /** The zone's name. */
  readonly zone: string;
  /** Where the records stand, such as `customers.0.zones.1.records`. */
  readonly path: string;
  /** Names (absolute) whose addresses a site decides. */
  readonly steered: ReadonlySet<string>;
  /** Zones of their own below this one. */
  readonly below: readonly string[];
  /** A delegated hostname: we write its NS and addresses. */
  readonly delegated: boolean;
}

type Add = (path: string, message: string, received: string) => void;

/** What one record alone does not show: limits (D14), CNAME's company, whose name it is. */
export function checkRecords(records: readonly ZoneRecord[], place: RecordPlace, add: Add): void {
  const sets = new Map<string, Map<string, { count: number; bytes: number }>>();
  for (const [r, record] of records.entries()) {
    const path = `${place.path}.${r}`;
    const types = sets.get(record.name) ?? new Map<string, { count: number; bytes: number }>();
    sets.set(record.name, types);
    const set = types.get(record.type) ?? { count: 0, bytes: 0 };
    types.set(record.type, set);
    set.count += 1;
    const sizeBefore = set.bytes;
    set.bytes += sizeOf(record);
    const received = `${record.name} ${record.type}`;
    const { recordsPerSet, typesPerName, setBytes } = ZONE_LIMITS;
    if (set.count === recordsPerSet + 1) {
      add(path, `expected at most ${recordsPerSet} records of a name and type`, received);
    }
    if (types.size === typesPerName + 1 && set.count === 1) {
      add(path, `expected at most ${typesPerName} types of a name`, received);
    }
    if (set.bytes > setBytes && sizeBefore <= setBytes) {
      add(path, `expected at most ${setBytes} octets of a name and type`, received);
    }
  }
  const aliases = new Set<string>();
  for (const [r, record] of records.entries()) {
    const types = new Set(sets.get(record.name)?.keys());
    checkCompany(record, {
      place,
      types,
      add: (message) => add(`${place.path}.${r}`, message, `${record.name} ${record.type}`),
      first: !aliases.has(record.name),
    });
    if (record.type === "CNAME" || record.type === "ALIAS") aliases.add(record.name);
  }
}

/** The data, and the twelve octets around it when its owner is a pointer. */
function sizeOf({ type, value }: ZoneRecord): number {
  const data = encodeRecordValue(typeNumber(type) ?? 0, value);
  return typeof data === "string" ? 0 : data.length + 12;
}

interface Company {
  readonly place: RecordPlace;
  readonly add: (message: string) => void;
  /** All types at the name. */
  readonly types: ReadonlySet<string>;
  /** Of its type at the name. */
  readonly first: boolean;
}

function checkCompany(record: ZoneRecord, o: Company): void {
  const { place, add } = o;
  const { type } = record;
  const name = absoluteName(record.name, place.zone);
  if (encodeName(name) === null) {
    add("expected a name of at most 255 octets");
    return;
  }
  const below = place.below.find((zone) => name === zone || name.endsWith(`.${zone}`));
  const parentsOwn = (type === "NS" || type === "DS") && name === below;
  if (below !== undefined && !parentsOwn) {
    add(`expected a name outside ${below}, which is a zone of its own`);
    return;
  }
  const steered = place.steered.has(name);
  if (type === "CNAME") {
    if (o.types.size > 1) add("expected no other record beside a CNAME (RFC 1034 3.6.2)");
    else if (!o.first) add("expected one CNAME at a name (RFC 2181 10.1)");
    if (record.name === "@") add("expected no CNAME at the zone's own name, which has an SOA");
    else if (steered) add("expected no CNAME at a name whose addresses a site decides");
  }
  if (type === "ALIAS") checkAlias(record, o);
  if (steered && (type === "HTTPS" || type === "SVCB") && /\bipv[46]hint=/.test(record.value)) {
    add("expected no address hints at a name whose addresses a site decides");
  }
  if (place.delegated && record.name === "@" && /^(?:A|AAAA|ALIAS|NS|DS)$/.test(type)) {
    add(`expected no ${type} at a delegated hostname, which the site decides`);
  }
}

/** An ALIAS is answered as addresses: it has a name's to itself, and leads elsewhere. */
function checkAlias(record: ZoneRecord, o: Company): void {
  const { place, add } = o;
  const name = absoluteName(record.name, place.zone);
  if (o.types.has("A") || o.types.has("AAAA")) add("expected no ALIAS beside A or AAAA");
  else if (!o.first) add("expected one ALIAS at a name");
  if (place.steered.has(name)) add("expected no ALIAS at a name whose addresses a site decides");
  if (record.value.replace(/\.$/, "").toLowerCase() === name)
    add("expected an ALIAS of another name");
}

/** What is allowed and likely wrong. Paths as `checkRecords` gives them. */
export function recordWarnings(records: readonly ZoneRecord[], place: RecordPlace): Problem[] {
  const warnings: Problem[] = [];
  const at = new Map<string, Set<string>>();
  for (const { name, type } of records) {
    const absolute = absoluteName(name, place.zone);
    at.set(absolute, (at.get(absolute) ?? new Set()).add(type));
  }
  const cuts = [...at].filter(([name, types]) => name !== place.zone && types.has("NS"));
  const cutNames = cuts.map(([name]) => name);
  for (const [r, record] of records.entries()) {
    const warn = (message: string) => {
      const received = `${record.name} ${record.type} ${record.value}`.slice(0, 120);
      warnings.push({ path: `${place.path}.${r}`, message, received });
    };
    const name = absoluteName(record.name, place.zone);
    const cut = cutNames.find((one) => name === one || name.endsWith(`.${one}`));
    const address = record.type === "A" || record.type === "AAAA";
    const ofCut = record.type === "NS" || record.type === "DS";
    if (cut !== undefined && !address && !(ofCut && name === cut)) {
      warn(`is never answered: ${cut} is delegated away`);
    }
    if (record.type === "DS" && name === place.zone) {
      warn("is never answered: a zone's DS stands in the zone above it");
    } else if (
      record.type === "DS" &&
      !(at.get(name)?.has("NS") ?? false) &&
      !place.below.includes(name)
    ) {
      warn("means nothing without NS at the same name");
    }
    if (address && place.steered.has(name)) {
      warn("is never answered: a site decides the addresses of this name");
    }
    warnOfTarget(record, { place, at, cuts: cutNames, warn });
  }
  return warnings;
}

function warnOfTarget(
  record: ZoneRecord,
  o: {
    readonly place: RecordPlace;
    readonly at: ReadonlyMap<string, ReadonlySet<string>>;
    readonly cuts: readonly string[];
    readonly warn: (message: string) => void;
  },
): void {
  const target = targetOf(record);
  if (target === null || target === "") return;
  if (!target.includes(".")) o.warn(`names ${target} alone: names in values are whole`);
  const { zone, steered, below } = o.place;
  const inside = target === zone || target.endsWith(`.${zone}`);
  const elsewhere = [...o.cuts, ...below].some((c) => target === c || target.endsWith(`.${c}`));
  if (!inside || (elsewhere && record.type !== "NS")) return;
  const types = o.at.get(target);
  // An alias may lead to anything; a host must have addresses of its own (RFC 2181 10.3).
  if (record.type !== "CNAME" && types?.has("CNAME")) {
    o.warn(`names ${target}, which is an alias: expected a name with addresses (RFC 2181 10.3)`);
    return;
  }
  const parent = target.slice(target.indexOf(".") + 1);
  const known = types !== undefined || steered.has(target) || o.at.has(`*.${parent}`);
  if (!known) o.warn(`names ${target}, which has no records in this zone`);
}

/** The host that a record names, in text; null where its type names none. */
function targetOf({ type, value }: ZoneRecord): string | null {
  const number = typeNumber(type) ?? 0;
  if (type === "CNAME") return value;
  const at = targetOffset(number);
  if (at < 0) return null;
  const data = encodeRecordValue(number, value);
  if (typeof data === "string") return null;
  let end = at;
  while (data[end] !== 0) end += data[end]! + 1;
  return formatData(2, data.slice(at, end + 1));
}

/** Records as sets, in the order of their first ones; each value once. */
export function compileRecords(records: readonly ZoneRecord[], zone: string): SnapshotRecord[] {
  const sets = new Map<string, { record: SnapshotRecord; values: string[] }>();
  for (const { name, type, ttlSec, value } of records) {
    const absolute = absoluteName(name, zone);
    const key = `${absolute} ${type}`;
    const set = sets.get(key);
    if (set === undefined) {
      const values = [value];
      sets.set(key, { record: { name: absolute, type, ttlSec, values }, values });
    } else if (!set.values.includes(value)) set.values.push(value);
  }
  return [...sets.values()].map(({ record }) => record);
}
