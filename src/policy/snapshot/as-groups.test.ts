import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SMALL } from "../../../test/fixtures/network.ts";
import { network } from "../../model/network.ts";
import { compilePrefixes, type PrefixAs, parsePrefix, parsePrefixAs } from "../../wire/ip/mod.ts";
import { prefixesByAs, withAsGroups } from "./as-groups.ts";

/** Blocks that often lie in each other, of few systems. */
const entry: fc.Arbitrary<PrefixAs> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    bits: fc.integer({ min: 8, max: 14 }),
    low: fc.integer({ min: 0, max: 255 }),
    as: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ family, bits, low, as }) => {
    const text = family === 4 ? `10.${low}.0.0/${bits}` : `20${low.toString(16)}::/${bits}`;
    return { prefix: parsePrefix(text)!, as };
  });

function lookup(table: readonly { readonly prefix: string; readonly value: number }[]) {
  const compiled = compilePrefixes(table);
  return (address: Uint8Array, family: 4 | 6) => compiled.find(address, family).value;
}

describe("prefixesByAs()", () => {
  test("finds for each address the system that the whole table finds, if it is asked for", () => {
    const addresses = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 8 });
    const table = fc.array(entry, { maxLength: 30 });
    fc.assert(
      fc.property(
        table,
        fc.uniqueArray(fc.integer({ min: 1, max: 4 })),
        addresses,
        (all, asked, lows) => {
          const systems = new Set(asked);
          const text = ({ prefix }: PrefixAs) =>
            `${prefix.family} ${prefix.address} ${prefix.bits}`;
          const first = all.filter((one, i) => all.findIndex((o) => text(o) === text(one)) === i);
          const whole = lookup(first.map((one) => ({ prefix: nameOf(one), value: one.as })));
          const found = prefixesByAs(all, systems);
          const made = lookup(
            found.flatMap(({ as, prefixes }) =>
              prefixes.map((prefix) => ({ prefix, value: as ?? 0 })),
            ),
          );
          for (const low of lows) {
            for (const [address, family] of [
              [new Uint8Array([10, low, 1, 1]), 4],
              [parsePrefix(`20${low.toString(16)}::1`)!.address, 6],
            ] as const) {
              const wanted = whole(address, family);
              expect(made(address, family)).toBe(systems.has(wanted) ? wanted : 0);
            }
          }
        },
      ),
    );
  });

  test("leaves out what lies within its own system, and lists apart what lies within another", () => {
    const table = [
      "10.0.0.0/8 1",
      "10.1.0.0/16 1",
      "10.2.0.0/16 2",
      "10.2.1.0/24 1",
      "11.0.0.0/8 2",
    ].map((line) => parsePrefixAs(line) as PrefixAs);
    expect(prefixesByAs(table, new Set([1]))).toEqual([
      { as: 1, prefixes: ["10.0.0.0/8", "10.2.1.0/24"] },
      { as: null, prefixes: ["10.2.0.0/16"] },
    ]);
  });
});

function nameOf({ prefix }: PrefixAs): string {
  const { family, address, bits } = prefix;
  if (family === 4) return `${address.join(".")}/${bits}`;
  const words = Array.from({ length: 8 }, (_, i) =>
    (address[2 * i]! * 256 + address[2 * i + 1]!).toString(16),
  );
  return `${words.join(":")}/${bits}`;
}

describe("parsePrefixAs()", () => {
  test.each([
    ["192.0.2.0/24 64500", "192.0.2.0/24", 64500],
    ["192.0.2.0\t24\t64500", "192.0.2.0/24", 64500],
    ["2001:db8::,32,AS4294967295", "2001:db8:0:0:0:0:0:0/32", 4294967295],
    ["192.0.2.0\t24\t64500_64501", "192.0.2.0/24", 64500],
    ["192.0.2.0/24 {64502,64503}", "192.0.2.0/24", 64502],
  ])("reads %p", (line, prefix, as) => {
    const read = parsePrefixAs(line) as PrefixAs;
    expect([nameOf(read), read.as]).toEqual([prefix, as]);
  });

  test.each(["", "  ", "# made today", "; pyasn"])("passes over %p", (line) => {
    expect(parsePrefixAs(line)).toBeNull();
  });

  test.each([
    "nonsense",
    "192.0.2.0/33 64500",
    "192.0.2.0 64500",
    "192.0.2.0/24",
    "192.0.2.0/24 0",
  ])("says what is wrong with %p", (line) => {
    expect(parsePrefixAs(line)).toStartWith("expected ");
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.string(), (line) => void parsePrefixAs(line)));
  });
});

describe("withAsGroups()", () => {
  const base = network.parse(structuredClone(SMALL));
  const [berlin] = base.clientGroups;

  test("leaves to the operator's groups what lies in theirs, and keeps what was said of its own", () => {
    const inner = `${berlin!.prefixes[0]!.split("/")[0]}/26`;
    const once = withAsGroups(base, [{ as: 64500, prefixes: [inner, "100.64.0.0/10"] }]);
    expect(once.left).toBe(1);
    const made = once.network.clientGroups.at(-1)!;
    expect(made).toMatchObject({ name: "as64500", as: 64500, prefixes: ["100.64.0.0/10"] });
    const said = {
      ...once.network,
      clientGroups: once.network.clientGroups.map((g) =>
        g === made ? { ...g, title: "Ours" } : g,
      ),
    };
    const again = withAsGroups(said, [
      { as: 64500, prefixes: ["100.65.0.0/16"] },
      { as: null, prefixes: ["100.65.9.0/24"] },
    ]).network.clientGroups;
    expect(again.slice(base.clientGroups.length)).toEqual([
      { ...made, title: "Ours", prefixes: ["100.65.0.0/16"] },
      { name: "as-other", rttMs: {}, tags: ["imported-as"], prefixes: ["100.65.9.0/24"] },
    ]);
    expect(withAsGroups(said, []).network.clientGroups).toEqual(base.clientGroups);
  });
});
