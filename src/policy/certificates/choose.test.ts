import { expect, test } from "bun:test";
import fc from "fast-check";
import { chooseCertificates, coveringNames, coversHost, type Held } from "./choose.ts";

const NOW = 1_000;

function held(id: string, names: readonly string[], more: Partial<Held> = {}): Held {
  return { id, customer: "shop", names, notBeforeMs: 0, notAfterMs: 2_000, ...more };
}

function chosen(all: readonly Held[], hosts: readonly (readonly [string, string])[]) {
  return [...chooseCertificates(hosts, all, NOW)].map(([host, { id }]) => `${host} ${id}`);
}

test("coversHost() takes * for exactly the first label", () => {
  expect(coversHost("www.shop.example", "www.shop.example")).toBe(true);
  expect(coversHost("*.shop.example", "www.shop.example")).toBe(true);
  for (const host of ["shop.example", "a.www.shop.example", "www.shop.example.", "xshop.example"]) {
    expect(coversHost("*.shop.example", host)).toBe(false);
  }
  const names = ["www.shop.example", "*.shop.example", "*.example", "shop.example", "example"];
  for (const host of names) {
    expect(
      names.filter((name) => coversHost(name, host) !== coveringNames(host).includes(name)),
    ).toEqual([]);
  }
});

test("chooseCertificates() prefers what is valid, then the name itself, then what ends last", () => {
  const WWW = [["www.shop.example", "shop"]] as const;
  const wild = held("wild", ["*.shop.example"], { notAfterMs: 9_000 });
  const exact = held("exact", ["www.shop.example"]);
  expect(chosen([wild, exact], WWW)).toEqual(["www.shop.example exact"]);
  const later = held("later", ["www.shop.example"], { notAfterMs: 3_000 });
  expect(chosen([exact, later], WWW)).toEqual(["www.shop.example later"]);
  const ended = held("ended", ["www.shop.example"], { notAfterMs: 900 });
  expect(chosen([ended, wild], WWW)).toEqual(["www.shop.example wild"]);
  const future = held("future", ["www.shop.example"], { notBeforeMs: 1_500, notAfterMs: 9_999 });
  expect(chosen([future, exact], WWW)).toEqual(["www.shop.example exact"]);
  expect(chosen([ended], WWW)).toEqual(["www.shop.example ended"]);
  expect(chosen([], WWW)).toEqual([]);
});

test("chooseCertificates() shows nobody's certificate for another customer's host, whatever it is for", () => {
  const host = fc.constantFrom("a.x.example", "b.x.example", "x.example", "a.y.example");
  const name = fc.oneof(host, fc.constantFrom("*.x.example", "*.y.example", "*.example"));
  const customer = fc.constantFrom("shop", "news");
  const times = { notBeforeMs: fc.nat(2_000), notAfterMs: fc.nat(2_000) };
  const names = fc.array(name, { maxLength: 4 });
  const certificate = fc.record({ id: fc.string(), customer, names, ...times });
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(host, customer), { selector: ([one]) => one }),
      fc.array(certificate, { maxLength: 6 }),
      (hosts, all) => {
        const found = chooseCertificates(hosts, all, NOW);
        for (const [one, owner] of hosts) {
          const can = all.filter(
            (each) => each.customer === owner && each.names.some((n) => coversHost(n, one)),
          );
          const got = found.get(one);
          expect(got === undefined).toBe(can.length === 0);
          if (got === undefined) continue;
          expect(can).toContain(got);
          const isValid = (each: Held) => each.notBeforeMs <= NOW && NOW < each.notAfterMs;
          expect(isValid(got)).toBe(can.some(isValid));
        }
      },
    ),
  );
});
