import { expect, test } from "bun:test";
import { compileTables } from "./tables.ts";
import { compileWorld, WORLD } from "./world.fixture.ts";

/** performance.md: of a site on a node, with all its names. */
const BYTES_PER_SITE_MAX = 2000;
const FEW = 200;
const MANY = 1200;

/** The fixture's network with so many sites more. */
function snapshotOf(sites: number) {
  const [first, ...others] = WORLD.customers;
  const more = Array.from({ length: sites }, (_, i) => ({
    hostname: `w${i}.many.example`,
    onboarding: i % 2 === 0 ? "delegation" : "cname",
    origins: [
      { name: "one", v4: "192.0.2.1" },
      { name: "two", v4: "192.0.2.2", v6: "2001:db8::2" },
    ],
  }));
  return compileWorld({ ...WORLD, customers: [{ ...first!, sites: more }, ...others] });
}

function bytesOf(sites: number) {
  const snapshot = snapshotOf(sites);
  const { names, steering } = compileTables(snapshot);
  const arrays = [names.slots, names.bytes, steering.text, steering.textAt, steering.siteOf];
  const tables = arrays.reduce((sum, array) => sum + array.byteLength, 0);
  return {
    tables,
    snapshot: JSON.stringify(snapshot).length,
    copied: structuredClone(steering.base),
  };
}

test("a site takes at most 2 KB of tables and 2 KB of snapshot, and nothing of what is copied", () => {
  const few = bytesOf(FEW);
  const many = bytesOf(MANY);
  const more = MANY - FEW;
  expect((many.tables - few.tables) / more).toBeLessThanOrEqual(BYTES_PER_SITE_MAX);
  expect((many.snapshot - few.snapshot) / more).toBeLessThanOrEqual(BYTES_PER_SITE_MAX);
  expect(JSON.stringify(many.copied)).toBe(JSON.stringify(few.copied));
}, 60_000);
