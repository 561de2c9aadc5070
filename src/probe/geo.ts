import { readFile, stat } from "node:fs/promises";
import type { Snapshot } from "../model/snapshot.ts";
import { parsePrefix } from "../wire/ip/mod.ts";
import { Mmdb } from "../wire/probe/mod.ts";
import type { GroupPlace, GroupPlaces } from "./judge/mod.ts";

/** Larger than any file of places there is; read whole, and let go once the groups are found. */
const FILE_BYTES_MAX = 1024 * 1024 * 1024;
/** Prefixes of one group that are looked up: the first that a file knows says where it is. */
const PREFIXES_MAX = 16;

/**
 * Where the snapshot's client groups are, by MaxMind DB files of the operator's (cities, countries, AS
 * numbers; GeoLite2, DB-IP and IPinfo write the same format). A file is held only while it is read:
 * memory holds one small record for each group. `problems`: files that could not be used.
 */
export async function readPlaces(
  paths: readonly string[],
  snapshot: Pick<Snapshot, "groups">,
): Promise<{ readonly places: GroupPlaces; readonly problems: readonly string[] }> {
  const places = new Map<string, GroupPlace>();
  const problems: string[] = [];
  for (const path of paths) {
    try {
      const file = await open(path);
      for (const { name, prefixes } of snapshot.groups) {
        const found = placeOf(file, prefixes);
        if (found !== null) places.set(name, { ...found, ...places.get(name) });
      }
    } catch (error) {
      problems.push(`${path}: ${error instanceof Error ? error.message : "cannot be read"}`);
    }
  }
  return { places, problems };
}

async function open(path: string): Promise<Mmdb> {
  const { size } = await stat(path);
  if (size > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
  const opened = Mmdb.open(await readFile(path));
  if (opened === null) throw new Error("no MaxMind DB");
  return opened;
}

function placeOf(file: Mmdb, prefixes: readonly string[]): GroupPlace | null {
  for (const prefix of prefixes.slice(0, PREFIXES_MAX)) {
    const parsed = parsePrefix(prefix);
    const found = parsed === null ? null : readRecord(file.find(parsed.address));
    if (found !== null) return found;
  }
  return null;
}

/** The fields that files of several makers name alike or nearly so; null when there is none. */
export function readRecord(record: unknown): GroupPlace | null {
  const as = numberIn(record, "autonomous_system_number") ?? asOf(field(record, "asn"));
  const named = field(record, "country");
  const code = typeof named === "string" ? named : field(named, "iso_code");
  const country = code ?? field(record, "country_code");
  const location = field(record, "location") ?? record;
  const lat = numberIn(location, "latitude");
  const lon = numberIn(location, "longitude");
  const place: GroupPlace = {
    ...(as === null ? {} : { as }),
    ...(typeof country === "string" && /^[A-Za-z]{2}$/.test(country)
      ? { country: country.toUpperCase() }
      : {}),
    ...(lat === null || lon === null || Math.abs(lat) > 90 || Math.abs(lon) > 180
      ? {}
      : { lat, lon }),
  };
  return Object.keys(place).length === 0 ? null : place;
}

function field(of: unknown, name: string): unknown {
  if (of === null || typeof of !== "object") return undefined;
  return (of as Record<string, unknown>)[name];
}

function numberIn(of: unknown, name: string): number | null {
  const value = field(of, name);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** `AS64500`, or the number. */
function asOf(value: unknown): number | null {
  const digits = /^(?:AS)?(\d{1,10})$/i.exec(String(value ?? ""))?.[1];
  return digits === undefined ? null : Number(digits);
}
