/** Many hosted zones, each with names whose answers are small, large, cut, referred and denied. */
import { WORLD } from "../../src/dns/hot/world.fixture.ts";
import { TYPE } from "../../src/wire/dns/mod.ts";

/** The fixture's world and so many zones z0.example, z1.example ...; every other one may be signed. */
export function manyZones(count: number, o: { readonly signed?: boolean } = {}): typeof WORLD {
  const world = structuredClone(WORLD);
  const zones = Array.from({ length: count }, (_, i) => ({
    name: zoneName(i),
    ...(o.signed === true && isSigned(i) && { dnssec: true }),
    records: [
      { name: "@", type: "MX", value: "10 www" },
      { name: "@", type: "TXT", value: "v=spf1 -all" },
      { name: "@", type: "CAA", value: '0 issue "ca.example"' },
      { name: "www", type: "A", value: `192.0.2.${i & 255}` },
      { name: "www", type: "AAAA", value: "2001:db8::1" },
      { name: "alias", type: "CNAME", value: "www" },
      { name: "large", type: "TXT", value: "t".repeat(1000 + (i % 300)) },
      { name: "*.wild", type: "A", value: "192.0.2.9" },
      { name: "sub", type: "NS", value: "ns.sub" },
      { name: "ns.sub", type: "A", value: "192.0.2.53" },
      ...Array.from({ length: 20 + (i % 81) }, (_, k) => {
        return { name: "many", type: "A", value: `198.51.100.${k}` };
      }),
    ],
  }));
  const whole = zones.map(({ records, ...zone }) => ({
    ...zone,
    records: records.map((record) => wholeTarget(record, zone.name)),
  }));
  (world.customers[0]!.zones as object[]).push(...whole);
  return world;
}

function wholeTarget(record: { name: string; type: string; value: string }, zone: string) {
  if (!/^(?:CNAME|NS|MX)$/.test(record.type)) return record;
  return { ...record, value: `${record.value}.${zone}` };
}

export function zoneName(i: number): string {
  return `z${i}.example`;
}

export function isSigned(i: number): boolean {
  return i % 2 === 1;
}

/** Names to ask for in a zone. */
export function namesIn(zone: string): string[] {
  const own = ["www", "alias", "large", "x.wild", "wild", "sub", "a.b.sub", "many", "none"];
  return [zone, ...own.map((name) => `${name}.${zone}`)];
}

export const ASKED_TYPES = [
  ...[TYPE.A, TYPE.AAAA, TYPE.NS, TYPE.SOA, TYPE.MX, TYPE.TXT, TYPE.CNAME, TYPE.CAA, TYPE.SRV],
  ...[TYPE.DS, TYPE.DNSKEY, TYPE.RRSIG, TYPE.NSEC, TYPE.HTTPS, TYPE.ANY, 65_280],
];
