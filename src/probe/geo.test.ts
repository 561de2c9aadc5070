import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { type MmdbValue, mmdb } from "../../test/fixtures/mmdb.ts";
import { readPlaces, readRecord } from "./geo.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-geo-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, entries: Readonly<Record<string, MmdbValue>>): string {
  const path = join(folder, name);
  writeFileSync(path, mmdb(entries));
  return path;
}

const group = (name: string, ...prefixes: string[]) => ({ index: 1, name, prefixes, rttMs: [] });
const snapshot = {
  groups: [
    group("default"),
    group("berlin", "203.0.113.0/24"),
    group("mixed", "10.0.0.0/8", "2001:db8:7::/48"),
    group("nowhere", "192.0.2.0/24"),
  ],
};

test("readPlaces() finds groups in files of cities and of AS numbers, and lets go of the files", async () => {
  const cities = file("cities.mmdb", {
    "203.0.113.0/24": {
      country: { iso_code: "DE" },
      location: { latitude: 52.5, longitude: 13.4 },
    },
    "2001:db8::/32": { country: { iso_code: "FR" } },
  });
  const numbers = file("as.mmdb", { "203.0.0.0/16": { autonomous_system_number: 64_500 } });
  const { places, problems } = await readPlaces([cities, numbers], snapshot);
  expect(problems).toEqual([]);
  expect(Object.fromEntries(places)).toEqual({
    berlin: { as: 64_500, country: "DE", lat: 52.5, lon: 13.4 },
    mixed: { country: "FR" },
  });
});

test("readPlaces() says which file cannot be used, and uses the others", async () => {
  const good = file("good.mmdb", { "203.0.113.0/24": { asn: "AS64501", country: "de" } });
  const torn = join(folder, "torn.mmdb");
  writeFileSync(torn, mmdb({ "203.0.113.0/24": { asn: "AS1" } }).slice(0, 40));
  const absent = join(folder, "absent.mmdb");
  const { places, problems } = await readPlaces([torn, absent, good], snapshot);
  expect(places.get("berlin")).toEqual({ as: 64_501, country: "DE" });
  expect(problems).toHaveLength(2);
});

test("readRecord() never throws and believes no place that is none", () => {
  expect(readRecord({ location: { latitude: 99, longitude: 3 } })).toBeNull();
  expect(readRecord({ country: "Germany", asn: "none" })).toBeNull();
  fc.assert(
    fc.property(fc.anything(), (anything) => {
      readRecord(anything);
    }),
  );
});
