import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fakeSha256, intentOf, SMALL } from "../../../test/fixtures/network.ts";
import type { Intent, Network } from "../../model/network.ts";
import { Compiler, compile } from "./compile.ts";
import { SnapshotHasher } from "./hash.ts";
import { verifySnapshot } from "./verify.ts";

/** Customers of so many sites, two origins each; one has a hosted zone. */
function largeIntent(customers: number, sites: number): Intent {
  const origins = [
    { name: "a", v4: "192.0.2.11" },
    { name: "b", v4: "192.0.2.12" },
  ];
  const list = Array.from({ length: customers }, (_, c) => ({
    name: `c${c}`,
    plan: "flat",
    zones: c === 0 ? [{ name: "zone.c0.example", records: [] }] : [],
    sites: Array.from({ length: sites }, (_, s) => {
      return { hostname: `w${s}.c${c}.example`, onboarding: "cname", origins };
    }),
  }));
  return intentOf({ ...SMALL, customers: list });
}

type Sites = Network["customers"][number]["sites"];

/** As an edit does it: all that is not on the way to what it changes stays the same object. */
function edited(intent: Intent, c: number, edit: (sites: Sites) => Sites): Intent {
  const customers = intent.network.customers.map((customer, i) => {
    return i === c ? { ...customer, sites: edit(customer.sites) } : customer;
  });
  return { ...intent, network: { ...intent.network, customers }, version: intent.version + 1 };
}

const input = (intent: Intent) => ({
  intent,
  number: intent.version,
  createdAtMs: intent.version * 1000,
  sha256: fakeSha256,
});

function counting() {
  const hashed = { times: 0, characters: 0 };
  const sha256 = (text: string) => {
    hashed.times += 1;
    hashed.characters += text.length;
    return fakeSha256(text);
  };
  return { hashed, sha256 };
}

const EDITS: readonly ((sites: Sites, s: number) => Sites)[] = [
  (sites, s) => sites.map((site, i) => (i === s ? { ...site, ttlSec: site.ttlSec + 1 } : site)),
  (sites, s) => sites.map((site, i) => (i === s ? withOrigin(site, { v4: "192.0.2.99" }) : site)),
  (sites, s) => sites.map((site, i) => (i === s ? withOrigin(site, { weight: 0 }) : site)),
  // More than a site's own settings: all is compiled.
  (sites, s) => sites.map((site, i) => (i === s ? { ...site, hostname: `n${i}.example` } : site)),
  (sites, s) =>
    sites.map((site, i) => (i === s ? { ...site, origins: site.origins.slice(1) } : site)),
  (sites, s) => sites.filter((_, i) => i !== s),
  (sites) => sites.toReversed(),
  (sites) => sites,
  // Bad: two origins of one name, a name that somebody has, a timeout beyond the interval.
  (sites, s) => sites.map((site, i) => (i === s ? withOrigin(site, { name: "b" }) : site)),
  (sites) => sites.map((site) => ({ ...site, hostname: "w0.c1.example" })),
  (sites, s) =>
    sites.map((site, i) => {
      return i === s ? { ...site, check: { ...site.check, timeoutMs: 1e6 } } : site;
    }),
];

function withOrigin(site: Sites[number], more: Partial<Sites[number]["origins"][number]>) {
  return { ...site, origins: site.origins.map((o, i) => (i === 0 ? { ...o, ...more } : o)) };
}

describe("Compiler", () => {
  test("compiles one site after one site's change, and hashes little more", () => {
    const first = largeIntent(20, 100);
    const compiler = new Compiler();
    const whole = compiler.compile(input(first));
    expect([whole.ok, compiler.compiled]).toEqual([true, 2000]);
    const next = edited(first, 7, (sites) => EDITS[1]!(sites, 42));
    const { hashed, sha256 } = counting();
    const again = compiler.compile({ ...input(next), sha256 });
    expect(compiler.compiled).toBe(1);
    // The parts with the site and its origin, and one over all.
    expect(hashed.times).toBe(3);
    const before = JSON.stringify(whole.ok && whole.value).length;
    expect(hashed.characters).toBeLessThan(before / 8);
    expect(again).toEqual(compile(input(next)));
    const site = again.ok ? again.value.sites[742] : undefined;
    expect(site?.hostname).toBe("w42.c7.example");
    expect(again.ok && again.value.origins[site!.origins[0]!]?.v4).toBe("192.0.2.99");
  });

  test("has nothing to compile where nothing that it compiles has changed", () => {
    const first = largeIntent(2, 5);
    const compiler = new Compiler();
    compiler.compile(input(first));
    const members = [{ email: "a@c0.example", role: "owner" as const }];
    const customers = first.network.customers.map((one) => ({ ...one, members }));
    const next = { ...first, network: { ...first.network, customers }, version: 2 };
    const again = compiler.compile(input(next as Intent));
    expect([again.ok, compiler.compiled]).toEqual([true, 0]);
    expect(again.ok && again.value.number).toBe(2);
  });

  test("comes to the same as compiling the whole, after whatever edits, good and bad", () => {
    const edit = fc.record({
      customer: fc.nat(2),
      site: fc.nat(3),
      kind: fc.nat(EDITS.length - 1),
      // A bad edit is never in force: the next one starts from what was there before.
      zone: fc.nat(9).map((n) => n === 0),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        const compiler = new Compiler();
        let intent = largeIntent(3, 4);
        compiler.compile(input(intent));
        for (const { customer, site, kind, zone } of edits) {
          const sites = edited(intent, customer, (own) => EDITS[kind]!(own, site));
          const network = zone ? { ...sites.network, ttlSec: 77 } : sites.network;
          const names = network.customers.flatMap((one) => one.sites.map((s) => s.hostname));
          const targets = Object.fromEntries(
            names.map((name) => [name, fakeSha256(name).slice(0, 32)]),
          );
          const known = names.every((name) => intent.targets[name] !== undefined);
          const next = { ...sites, network, targets: known ? intent.targets : targets };
          const got = compiler.compile(input(next));
          expect(got).toEqual(compile(input(next)));
          if (!got.ok) continue;
          expect(verifySnapshot(JSON.parse(JSON.stringify(got.value)), fakeSha256).ok).toBe(true);
          intent = next;
        }
      }),
      { numRuns: 150 },
    );
  });
});

test("SnapshotHasher tells apart bodies that differ in one row, in order or in length", () => {
  const made = compile(input(largeIntent(2, 150)));
  if (!made.ok) throw new Error("expected a snapshot");
  const { hash, ...body } = made.value;
  const kept = new SnapshotHasher();
  expect(kept.hash(body, fakeSha256)).toBe(hash);
  const [one, two, ...rest] = body.sites;
  for (const sites of [
    [two!, one!, ...rest],
    [one!, ...rest],
    [one!, two!, ...rest, rest[0]!],
    [{ ...one!, ttlSec: 9 }, two!, ...rest],
  ]) {
    const other = { ...body, sites };
    const fresh = new SnapshotHasher().hash(other, fakeSha256);
    expect(fresh).not.toBe(hash);
    expect(kept.hash(other, fakeSha256)).toBe(fresh);
  }
});
