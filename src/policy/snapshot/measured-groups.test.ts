import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SMALL } from "../../../test/fixtures/network.ts";
import { type Network, network } from "../../model/network.ts";
import { parsePrefix, prefixContains } from "../../wire/ip/mod.ts";
import { MEASURED, type MeasuredNetwork, withMeasuredGroups } from "./measured-groups.ts";

/** Its groups have 203.0.113.0/24 and 198.51.100.0/24. */
const file: Network = network.parse(SMALL);
const net = (prefix: string, samples = 1, ms = 20): MeasuredNetwork => ({
  ...{ prefix, samples, rttMs: { fra: ms } },
});
const measuredIn = (one: Network) => one.clientGroups.filter((g) => g.tags?.includes(MEASURED));

describe("withMeasuredGroups()", () => {
  test("the busiest networks in no group become groups, by the round trips that were measured", () => {
    const networks = [
      net("192.0.2.0/24", 3, 40),
      net("203.0.113.0/24", 99),
      net("2001:db8:1::/48", 7),
    ];
    const made = withMeasuredGroups(file, networks, 10);
    expect(made.groups).toBe(2);
    expect(measuredIn(made.network)).toEqual([
      {
        ...{ name: "net-2001-db8-1-48", prefixes: ["2001:db8:1::/48"] },
        ...{ rttMs: { fra: 20 }, tags: [MEASURED] },
      },
      {
        ...{ name: "net-192-0-2-0-24", prefixes: ["192.0.2.0/24"] },
        ...{ rttMs: { fra: 40 }, tags: [MEASURED] },
      },
    ]);
    expect(network.safeParse(made.network).success).toBe(true);
    expect(measuredIn(withMeasuredGroups(file, networks, 1).network)).toHaveLength(1);
  });

  test("groups of before stay, and people's words on them; the operator's own go first", () => {
    const first = withMeasuredGroups(file, [net("192.0.2.0/24"), net("10.1.1.0/24")], 10).network;
    const titled = first.clientGroups.map((group) =>
      group.name === "net-192-0-2-0-24" ? { ...group, title: "An office" } : group,
    );
    const own = { ...first.clientGroups[0]!, name: "lab", prefixes: ["10.0.0.0/8"] };
    const after = withMeasuredGroups({ ...first, clientGroups: [own, ...titled] }, [], 10);
    expect(measuredIn(after.network).map(({ name, title }) => [name, title])).toEqual([
      ["net-192-0-2-0-24", "An office"],
    ]);
    expect(withMeasuredGroups(after.network, [], 0).groups).toBe(0);
  });

  test("is the same when done again, within its bound, and takes nobody's prefix", () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const prefix = fc.oneof(
      fc.tuple(octet, octet, octet).map(([a, b, c]) => `${a}.${b}.${c}.0/24`),
      fc.integer({ min: 0, max: 65_535 }).map((n) => `2001:db8:${n.toString(16)}::/48`),
    );
    const networks = fc.array(
      fc.record({ prefix, samples: fc.nat(50), rttMs: fc.constant({ fra: 9 }) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(networks, fc.nat(30), (all, most) => {
        const once = withMeasuredGroups(file, all, most);
        expect(withMeasuredGroups(once.network, all, most)).toEqual(once);
        const made = measuredIn(once.network);
        expect(made.length).toBeLessThanOrEqual(most);
        expect(new Set(once.network.clientGroups.map(({ name }) => name)).size).toBe(
          once.network.clientGroups.length,
        );
        const others = file.clientGroups.flatMap((group) => group.prefixes.map(parsePrefix));
        for (const { prefixes } of made) {
          const { address } = parsePrefix(prefixes[0]!)!;
          expect(others.some((one) => prefixContains(one!, address))).toBe(false);
        }
      }),
    );
  });
});
