import { describe, expect, test } from "bun:test";
import { network } from "../../model/network.ts";
import { compile, compileNames, diffIntent, recordPlace, recordWarnings } from "./mod.ts";

interface Line {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

const line = (name: string, type: string, value: string): Line => ({ name, type, value });
const many = (count: number, make: (i: number) => Line) =>
  Array.from({ length: count }, (_, i) => make(i));

function world(records: readonly Line[], more: object = {}, others: readonly object[] = []) {
  return network.parse({
    zone: "cdn.example",
    pops: [{ name: "oslo" }],
    nodes: [{ name: "a", pop: "oslo", roles: ["dns"], addresses: { v4: "192.0.2.1" } }],
    plans: [{ kind: "fixed", name: "flat", title: "Flat", currency: "EUR", monthly: "1.00" }],
    customers: [
      { name: "shop", plan: "flat", zones: [{ name: "shop.example", records }], ...more },
      ...others,
    ],
  });
}

function compiled(parsed: ReturnType<typeof world>) {
  const hostnames = parsed.customers.flatMap((c) => c.sites.map((s) => s.hostname));
  const targets = Object.fromEntries(hostnames.map((h) => [h, "0".repeat(32)]));
  const intent = { network: parsed, version: 1, targets };
  return compile({ intent, number: 1, createdAtMs: 0, sha256: () => "" });
}

function problems(...o: Parameters<typeof world>): string[] {
  const result = compiled(world(...o));
  return result.ok ? [] : result.problems.map((p) => `${p.path}: ${p.message} = ${p.received}`);
}

const SITE = { hostname: "www.shop.example", origins: [{ name: "a", v4: "192.0.2.9" }] };
const HOSTED = { sites: [{ ...SITE, onboarding: "hosted" }] };
const AT = "customers.0.zones.0.records";

describe("records that no zone may have", () => {
  test("the 101st of a name and type, and the 101st type of a name (D14)", () => {
    const address = (i: number) => line("a", "A", `192.0.2.${i}`);
    const type = (i: number) => line("a", `TYPE${60_000 + i}`, "\\# 0");
    expect(problems(many(100, address))).toEqual([]);
    expect(problems(many(102, address))).toEqual([
      `${AT}.100: expected at most 100 records of a name and type = a A`,
    ]);
    expect(problems(many(100, type))).toEqual([]);
    expect(problems(many(102, type))).toEqual([
      `${AT}.100: expected at most 100 types of a name = a TYPE60100`,
    ]);
  });

  test("a set that no message can hold", () => {
    expect(problems(many(2, (i) => line("a", "TXT", `${i}${"x".repeat(40_000)}`)))).toEqual([
      `${AT}.1: expected at most 60000 octets of a name and type = a TXT`,
    ]);
  });

  test("something beside a CNAME, two of them, or one where it cannot be", () => {
    const cname = (name: string, value = "b.example") => line(name, "CNAME", value);
    expect(problems([cname("a"), line("a", "TXT", "x")])).toEqual([
      `${AT}.0: expected no other record beside a CNAME (RFC 1034 3.6.2) = a CNAME`,
    ]);
    expect(problems([cname("a"), cname("a", "c.example")])[0]).toContain("expected one CNAME");
    expect(problems([cname("@")])[0]).toContain("expected no CNAME at the zone's own name");
    expect(problems([cname("www")], HOSTED)[0]).toContain("whose addresses a site decides");
  });

  test("promises that the chosen origin may not keep", () => {
    const https = (value: string) => problems([line("www", "HTTPS", value)], HOSTED);
    expect(https("1 . alpn=h2")).toEqual([]);
    expect(https("1 . ipv4hint=192.0.2.1")[0]).toContain("expected no address hints");
  });

  test("names of a zone of its own below, but for its NS and DS, which that zone answers", () => {
    const below = { zones: [{ name: "shop.example", records: [] }, { name: "a.shop.example" }] };
    const with_ = (...records: Line[]) => ({
      zones: [{ name: "shop.example", records }, below.zones[1]!],
    });
    expect(problems([], with_(line("x.a", "A", "192.0.2.1")))[0]).toContain(
      "expected a name outside a.shop.example",
    );
    const fine = world([], with_(line("a", "NS", "ns.elsewhere.test")));
    const result = compiled(fine);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    const entry = compileNames(result.value).names.get("a.shop.example");
    expect([entry?.delegated, entry?.records]).toEqual([false, []]);
  });

  test("a name that the zone makes too long", () => {
    const name = Array(4).fill("x".repeat(61)).join(".");
    expect(problems([line(name, "A", "192.0.2.1")])[0]).toContain("at most 255 octets");
  });
});

test("a zone above or below another customer's is refused, whoever comes first (D19)", () => {
  const other = (name: string) => ({ name: "news", plan: "flat", zones: [{ name }] });
  for (const name of ["sub.shop.example", "a.b.shop.example", "example.shop.example"]) {
    expect(problems([], {}, [other(name)])).toEqual([
      `customers.1.zones.0.name: expected a zone apart from another customer's = ${name}`,
    ]);
  }
  expect(problems([], { zones: [{ name: "a.news.example" }] }, [other("news.example")])).toEqual([
    "customers.1.zones.0.name: expected a zone apart from another customer's = news.example",
  ]);
  expect(problems([], { zones: [{ name: "shop.example" }, { name: "a.shop.example" }] })).toEqual(
    [],
  );
});

describe("other records of a delegated hostname", () => {
  const records = [line("@", "CAA", '0 issue "ca.example"'), line("_acme", "TXT", "x")];
  const site = (o: object) => ({ zones: [], sites: [{ ...SITE, ...o }] });

  test("stand at the apex of its zone and below", () => {
    const result = compiled(world([], site({ onboarding: "delegation", records })));
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    const { names, zones } = compileNames(result.value);
    const at = (name: string) => names.get(name)?.records.map((r) => [r.type, ...r.values]);
    expect(at("www.shop.example")).toEqual([["CAA", '0 issue "ca.example"']]);
    expect(at("_acme.www.shop.example")).toEqual([["TXT", "x"]]);
    expect(zones[names.get("_acme.www.shop.example")!.zone]?.name).toBe("www.shop.example");
    expect(names.get("www.shop.example")?.steered).toEqual({ for: "origins", site: 0 });
  });

  test("are refused where we do not answer the name, or answer with what the site decides", () => {
    expect(problems([], site({ onboarding: "cname", records }))[0]).toContain("records: expected");
    for (const type of ["A", "NS"]) {
      const value = type === "A" ? "192.0.2.1" : "ns.example";
      const own = { onboarding: "delegation", records: [line("@", type, value)] };
      expect(problems([], site(own))[0]).toContain(`expected no ${type} at a delegated hostname`);
    }
  });
});

test("recordWarnings() names what is allowed and likely wrong", () => {
  const parsed = world(
    [
      line("@", "MX", "10 alias.shop.example"),
      line("@", "MX", "20 gone.shop.example"),
      line("@", "MX", "30 mail"),
      line("@", "MX", "40 www.shop.example"),
      line("@", "MX", "50 any.w.shop.example"),
      line("@", "MX", "0 ."),
      line("*.w", "A", "192.0.2.1"),
      line("alias", "CNAME", "elsewhere.test"),
      line("sub", "NS", "ns.sub.shop.example"),
      line("sub", "TXT", "lost"),
      line("x.sub", "A", "192.0.2.1"),
      line("lone", "DS", `1 8 1 ${"ab".repeat(20)}`),
      line("www", "A", "192.0.2.1"),
    ],
    HOSTED,
  );
  const customer = parsed.customers[0]!;
  const found = recordWarnings(
    customer.zones[0]!.records,
    recordPlace(customer, "shop.example", "records"),
  );
  expect(found.map((p) => `${p.path} ${p.message}`)).toEqual([
    "records.0 names alias.shop.example, which is an alias: expected a name with addresses (RFC 2181 10.3)",
    "records.1 names gone.shop.example, which has no records in this zone",
    "records.2 names mail alone: names in values are whole",
    "records.8 names ns.sub.shop.example, which has no records in this zone",
    "records.9 is never answered: sub.shop.example is delegated away",
    "records.11 means nothing without NS at the same name",
    "records.12 is never answered: a site decides the addresses of this name",
  ]);
});

test("a change of records is told record by record", () => {
  const before = world([line("a", "A", "192.0.2.1"), line("b", "A", "192.0.2.1")]);
  const after = world([line("a", "A", "192.0.2.1"), line("b", "MX", "10 a.example")]);
  expect(diffIntent(before, after)).toEqual([
    {
      action: "add",
      path: "customers.shop.zones.shop.example.records",
      to: "b 3600 MX 10 a.example",
    },
    {
      action: "remove",
      path: "customers.shop.zones.shop.example.records",
      from: "b 3600 A 192.0.2.1",
    },
  ]);
});
