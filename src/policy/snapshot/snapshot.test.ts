import { expect, test } from "bun:test";
import { fakeSha256, intentOf, SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { network } from "../../model/network.ts";
import { compile } from "./compile.ts";
import { diffIntent } from "./diff.ts";
import { SnapshotHasher } from "./hash.ts";
import { siteOfHost } from "./hosts.ts";
import { compileNames } from "./names.ts";
import { validateNetwork } from "./validate.ts";
import { verifySnapshot } from "./verify.ts";

function copy(): typeof SMALL & Record<string, unknown> {
  return structuredClone(SMALL);
}

test("compile() gives the same hash for the same intent and another for another", () => {
  expect(snapshotOf().hash).toBe(snapshotOf().hash);
  const other = copy();
  other.customers[0]!.sites[0]!.origins[0]!.v4 = "192.0.2.14";
  expect(snapshotOf(other).hash).not.toBe(snapshotOf().hash);
});

test("compile() refuses an empty network", () => {
  const empty = { ...copy(), nodes: [] };
  const compiled = compile({
    intent: intentOf(empty),
    number: 1,
    createdAtMs: 0,
    sha256: fakeSha256,
  });
  expect(compiled.ok).toBe(false);
});

test("validateNetwork() reports every parent that is no pop, and every circle of parents", () => {
  const pops = [
    { name: "fra", parent: "nyc" },
    { name: "nyc", parent: "fra" },
    { name: "ams", parent: "ams" },
    { name: "sin", parent: "fra" },
    { name: "syd", parent: "mars" },
  ];
  const problems = validateNetwork(network.parse({ ...copy(), pops }));
  expect(problems.map(({ path, received }) => `${path}: ${received}`)).toEqual([
    "pops.0.parent: fra asks nyc asks fra",
    "pops.1.parent: nyc asks fra asks nyc",
    "pops.2.parent: ams asks ams",
    "pops.4.parent: mars",
  ]);
});

test("validateNetwork() reports every problem at once, each with its path", () => {
  const file = copy();
  file.nodes[0]!.pop = "mars";
  file.customers[0]!.plan = "gold";
  file.customers[0]!.sites.push({
    ...structuredClone(file.customers[0]!.sites[0]!),
    onboarding: "hosted",
  });
  file.clientGroups[1]!.prefixes = ["203.0.113.0/24"];
  file.customers[0]!.sites[0]!.origins[1]!.name = "a";
  const paths = validateNetwork(network.parse(file)).map((problem) => problem.path);
  expect(paths).toContain("nodes.0.pop");
  expect(paths).toContain("customers.0.plan");
  expect(paths).toContain("customers.0.sites.1.hostname");
  expect(paths).toContain("customers.0.sites.1.onboarding");
  expect(paths).toContain("clientGroups.1.prefixes.0");
  expect(paths).toContain("customers.0.sites.0.origins.1.name");
});

test("validateNetwork() refuses one customer's name to another", () => {
  const file = copy();
  const thief = structuredClone(file.customers[0]!);
  file.customers.push({ ...thief, name: "thief" });
  expect(validateNetwork(network.parse(file)).map((p) => p.path)).toEqual([
    "customers.1.sites.0.hostname",
  ]);
});

/** SMALL with another customer, who has these sites. */
function withThief(...sites: readonly Record<string, unknown>[]) {
  const file = copy();
  const thief = { ...structuredClone(file.customers[0]!), name: "thief", sites };
  return { ...file, customers: [...file.customers, thief] };
}

test("validateNetwork() refuses names of the network's own zone, under which each is somebody's", () => {
  const file = withThief({
    hostname: "www.thief.example",
    cache: {
      aliases: [
        ...["www.shop.example.cdn.example", "c.cdn.example", "cdn.example"],
        ...["img.notcdn.example", "cdn.example.thief.example"],
      ],
    },
  });
  expect(
    validateNetwork(network.parse(file)).map(({ path, received }) => [path, received]),
  ).toEqual([
    ["customers.1.sites.0.cache.aliases.0", "www.shop.example.cdn.example"],
    ["customers.1.sites.0.cache.aliases.1", "c.cdn.example"],
    ["customers.1.sites.0.cache.aliases.2", "cdn.example"],
  ]);
});

test("validateNetwork() refuses a hostname that could be another's CNAME target in the zone", () => {
  const { target } = snapshotOf().sites[0]!;
  const file = withThief({ hostname: `${target}.gtm` }, { hostname: "gtm.thief.example" });
  expect(validateNetwork(network.parse(file)).map(({ path }) => path)).toEqual([
    "customers.1.sites.0.hostname",
  ]);
});

test("verifySnapshot() accepts what compile() made, also after a trip through JSON", () => {
  const snapshot = snapshotOf();
  expect(verifySnapshot(JSON.parse(JSON.stringify(snapshot)), fakeSha256).ok).toBe(true);
  expect(verifySnapshot(structuredClone(snapshot), fakeSha256).ok).toBe(true);
});

test("verifySnapshot() refuses any single changed, missing or null field", () => {
  const whole = snapshotOf();
  for (const key of Object.keys(whole)) {
    const { [key as "zone"]: _gone, ...missing } = whole;
    expect(verifySnapshot(missing, fakeSha256).ok).toBe(false);
    expect(verifySnapshot({ ...whole, [key]: null }, fakeSha256).ok).toBe(false);
  }
  expect(verifySnapshot(null, fakeSha256).ok).toBe(false);
  expect(verifySnapshot("", fakeSha256).ok).toBe(false);
});

test("verifySnapshot() refuses doubled rows even with a right hash", () => {
  const { hash: _hash, ...body } = snapshotOf();
  const doubled = { ...body, origins: [...body.origins, ...body.origins] };
  const signed = { ...doubled, hash: new SnapshotHasher().hash(doubled, fakeSha256) };
  expect(verifySnapshot(signed, fakeSha256).ok).toBe(false);
});

test("verifySnapshot() accepts what was hashed as a whole, as snapshots once were", () => {
  const { hash: _hash, hashing: _hashing, ...body } = snapshotOf();
  const before = { ...body, hash: fakeSha256(JSON.stringify(body)) };
  expect(verifySnapshot(JSON.parse(JSON.stringify(before)), fakeSha256).ok).toBe(true);
  expect(verifySnapshot({ ...before, ttlSec: 1 }, fakeSha256).ok).toBe(false);
  expect(verifySnapshot({ ...before, hashing: 3 }, fakeSha256).ok).toBe(false);
});

test("compileNames() holds the zone, both second addresses, the target and name servers", () => {
  const snapshot = snapshotOf();
  const { names, zones, nameServers } = compileNames(snapshot);
  expect(zones).toEqual([
    {
      name: "cdn.example",
      kind: "network",
      servers: ["ns-fra-1.cdn.example", "ns-nyc-1.cdn.example"],
    },
    {
      name: "www.shop.example",
      kind: "delegated",
      servers: ["ns1-shop.cdn.example", "ns2-shop.cdn.example"],
    },
  ]);
  expect(names.get("c.cdn.example")?.steered).toEqual({ for: "edges", site: null });
  expect(names.get("www.shop.example.cdn.example")?.steered).toEqual({ for: "edges", site: 0 });
  expect(names.get("www.shop.example")?.steered).toEqual({ for: "origins", site: 0 });
  const target = `${snapshot.sites[0]!.target}.gtm.cdn.example`;
  expect(names.get(target)?.steered).toEqual({ for: "origins", site: 0 });
  expect(names.get("gtm.cdn.example")).toMatchObject({ steered: null, records: [] });
  expect(names.get("shop.example.cdn.example")).toMatchObject({ steered: null, records: [] });
  expect(nameServers.map((server) => server.name)).toEqual([
    "ns-fra-1.cdn.example",
    "ns-nyc-1.cdn.example",
    "ns1-shop.cdn.example",
    "ns2-shop.cdn.example",
  ]);
});

test("compileNames() steers a hostname inside a hosted zone beside its plain records", () => {
  const file = copy() as Record<string, never> & typeof SMALL;
  const customer = file.customers[0]! as Record<string, unknown> & (typeof SMALL)["customers"][0];
  customer.zones = [
    {
      name: "shop.example",
      records: [
        { name: "@", type: "TXT", value: "hello" },
        { name: "@", type: "TXT", value: "again" },
        { name: "sub", type: "NS", value: "ns1.elsewhere.example" },
      ],
    },
  ];
  customer.sites[0]!.onboarding = "hosted";
  const { names, zones } = compileNames(snapshotOf(file));
  expect(zones[1]).toMatchObject({ name: "shop.example", kind: "hosted" });
  expect(names.get("www.shop.example")).toMatchObject({
    zone: 1,
    steered: { for: "origins", site: 0 },
  });
  expect(names.get("shop.example")?.records[0]?.values).toEqual(["hello", "again"]);
  expect(names.get("sub.shop.example")?.delegated).toBe(true);
});

test("siteOfHost() knows the first address only of a site with caches in front", () => {
  expect(siteOfHost(snapshotOf()).get("www.shop.example")).toBeUndefined();
  const file = copy();
  (file.customers[0]!.sites[0] as Record<string, unknown>).front = "caches";
  expect(siteOfHost(snapshotOf(file)).get("www.shop.example")).toEqual({ site: 0, form: "first" });
  expect(siteOfHost(snapshotOf()).get("www.shop.example.cdn.example")).toEqual({
    site: 0,
    form: "host",
  });
});

/** As a control of before would have compiled it: what is refused now may be in a stored snapshot. */
function storedWith(hostname: string, aliases: readonly string[]) {
  const snapshot = snapshotOf();
  const [site] = snapshot.sites;
  const thief = { ...site!, index: 1, customer: "thief", hostname, target: "f".repeat(32) };
  return { ...snapshot, sites: [site!, { ...thief, aliases }] };
}

test("siteOfHost() gives no alias the name of another site, nor the one of all sites", () => {
  const own = "www.shop.example.cdn.example";
  const hosts = siteOfHost(storedWith("www.thief.example", [own, "c.cdn.example", "a.example"]));
  expect(hosts.get(own)).toEqual({ site: 0, form: "host" });
  expect(hosts.has("c.cdn.example")).toBe(false);
  expect(hosts.get("a.example")).toEqual({ site: 1, form: "alias" });
});

test("compileNames() keeps a site's target, whatever other sites are called", () => {
  const { target } = snapshotOf().sites[0]!;
  const { names } = compileNames(storedWith(`${target}.gtm`, []));
  expect(names.get(`${target}.gtm.cdn.example`)?.steered).toEqual({ for: "origins", site: 0 });
});

test("diffIntent() names what was added, changed and removed by name, and shows no password", () => {
  const before = network.parse(copy());
  const file = copy();
  file.customers[0]!.sites[0]!.origins.splice(1, 1);
  file.customers[0]!.sites[0]!.origins.push({ name: "d", v4: "192.0.2.14" });
  file.customers[0]!.sites[0]!.origins[0]!.v4 = "192.0.2.15";
  const member = { email: "a@shop.example", password: "very secret" };
  (file.customers[0] as Record<string, unknown>).members = [member];
  const changes = diffIntent(before, network.parse(file));
  const at = "customers.shop.sites.www.shop.example.origins";
  expect(changes).toContainEqual({
    action: "change",
    path: `${at}.a.v4`,
    from: "192.0.2.11",
    to: "192.0.2.15",
  });
  expect(changes).toContainEqual({ action: "remove", path: `${at}.b` });
  expect(changes).toContainEqual({ action: "add", path: `${at}.d` });
  expect(JSON.stringify(changes)).not.toContain("very secret");
  expect(diffIntent(before, network.parse(copy()))).toEqual([]);
});

test("a zone is signed where the file says so, also above another of ours", () => {
  const file = copy();
  Object.assign(file, { dnssec: true });
  const signed = compileNames(snapshotOf(file)).zones.filter((zone) => zone.dnssec === true);
  expect(signed.map((zone) => zone.name)).toEqual([file.zone]);
  expect(snapshotOf(copy()).dnssec).toBeUndefined();
  const customer = file.customers[0]!;
  const site = { ...structuredClone(customer.sites[0]!), dnssec: true };
  site.hostname = "a.b.example";
  Object.assign(customer, { zones: [{ name: "b.example", dnssec: true }] });
  const problemsOf = (onboarding: string) => {
    Object.assign(site, { onboarding });
    customer.sites = [site];
    return validateNetwork(network.parse(file)).map((p) => `${p.path}: ${p.message}`);
  };
  expect(problemsOf("delegation")).toEqual([]);
  expect(problemsOf("hosted")).toEqual([
    "customers.0.sites.0.dnssec: expected a site with its own zone (onboarding: delegation)",
  ]);
});

test("what stands between a zone and one of ours below it is of the upper, and so is the lower one's DS", () => {
  const ds = (name: string) => ({ name, type: "DS", value: `1 13 2 ${"ab".repeat(32)}` });
  const file = copy();
  const upper = { name: "b.example", records: [ds("low.between"), ds("@")] };
  const lower = { name: "low.between.b.example", records: [ds("@")] };
  Object.assign(file.customers[0]!, { zones: [lower, upper] });
  const { names, zones } = compileNames(snapshotOf(file));
  const of = (name: string) => {
    const entry = names.get(name)!;
    return [
      zones[entry.zone]?.name,
      entry.records.map(({ type, values }) => [type, values.length]),
    ];
  };
  expect(of("between.b.example")).toEqual(["b.example", []]);
  expect(of("low.between.b.example")).toEqual(["low.between.b.example", [["DS", 1]]]);
  // A zone's own DS would be of a zone above it.
  expect(of("b.example")).toEqual(["b.example", []]);
  expect(names.has("example")).toBe(false);
});
