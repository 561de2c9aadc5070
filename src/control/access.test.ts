import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Route, type RouteName, routes } from "../model/api/mod.ts";
import { NETWORK_PAIR, SHOP_PAIR } from "./certificate.fixture.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

/** What each route is called with: valid, for the customer `shop`. A new route must be added. */
const SAMPLES: Readonly<Record<RouteName, { readonly path?: string; readonly body?: unknown }>> = {
  signIn: { body: OPERATOR },
  whoAmI: {},
  listTokens: {},
  createToken: { body: { name: "x", scope: "read" } },
  revokeToken: { path: "/tokens/none" },
  listAudit: {},
  readNetwork: {},
  apply: { body: { yaml: NETWORK_YAML, dryRun: true } },
  simulate: { body: { yaml: NETWORK_YAML } },
  publish: {},
  rollback: { body: { number: 1 } },
  listSnapshots: {},
  listNodes: {},
  explain: { path: "/explain?name=www.shop.example&client=198.51.100.7" },
  who: { path: "/who?server=www.shop.example/a" },
  listCustomers: {},
  readCustomer: {},
  listSites: {},
  putSite: { body: { ttlSec: 30 } },
  putOrigin: { body: { v4: "127.0.2.9" } },
  reportLoad: { body: { current: 3, target: 10 } },
  patchOrigin: { body: { weight: 3 } },
  putAsGroups: { body: { systems: [{ as: 64500, prefixes: ["203.0.113.0/24"] }] } },
  listMeasured: {},
  putMeasuredGroups: { body: { largest: 10 } },
  patchNode: { path: "/nodes/lon-1", body: { state: "drain" } },
  readLive: {},
  readWhyNot: {},
  tailLog: { path: "/customers/shop/sites/www.shop.example/log?waitMs=0" },
  createPurge: { body: { path: "/a.png" } },
  listPurges: {},
  listCustomerPurges: {},
  readSite: {},
  readPurge: { path: "/purges/1" },
  readZoneKeys: { path: "/zones/signed.example/keys" },
  rollZoneKey: { path: "/zones/signed.example/roll", body: {} },
  why: { body: { url: "http://c.cdn.example/www.shop.example/a.png" } },
  putCredential: { path: "/customers/shop/credentials/edge", body: { kind: "value" } },
  listCredentials: {},
  readAddresses: {},
  deleteCredential: { path: "/customers/shop/credentials/edge" },
  putSigningKey: { path: "/customers/shop/signing-keys/autumn", body: {} },
  listSigningKeys: {},
  deleteSigningKey: { path: "/customers/shop/signing-keys/autumn" },
  listCertificates: {},
  addCertificate: { body: SHOP_PAIR },
  listNetworkCertificates: {},
  addNetworkCertificate: { body: NETWORK_PAIR },
  deleteNetworkCertificate: { path: "/certificates/c.cdn.example" },
  deleteCertificate: { path: "/customers/shop/certificates/www.shop.example" },
  listObtained: {},
  renewObtained: { path: "/customers/shop/obtained/www.shop.example.cdn.example/renew" },
  revokeObtained: {
    path: "/customers/shop/obtained/www.shop.example.cdn.example/revoke",
    body: {},
  },
  listNetworkObtained: {},
  renewNetworkObtained: { path: "/obtained/c.cdn.example/renew" },
  revokeNetworkObtained: { path: "/obtained/c.cdn.example/revoke", body: {} },
  readUsage: {},
  createInvoice: { body: { period: "2026-12" } },
  listInvoices: {},
  listBillingMonths: {},
  readInvoice: {},
  checkInvoice: {},
  payInvoice: {},
  listZones: {},
  putZone: { body: { text: "$TTL 60\n@ A 127.0.2.1\n" } },
  readZone: {},
  checkSite: {},
  checkZone: {},
  readZoneText: {},
  putRecords: { body: { values: ["127.0.2.2"] } },
  deleteRecords: {},
  deleteZone: {},
  listTsigKeys: {},
  createTsigKey: { body: { key: "xfr", use: "transfer" } },
  putTransfer: {
    path: "/customers/shop/zones/plain.example/transfer",
    body: { key: "xfr", to: ["127.0.0.1"] },
  },
  deleteTransfer: { path: "/customers/shop/zones/plain.example/transfer" },
  deleteTsigKey: { path: "/customers/shop/tsig-keys/xfr" },
  listClaims: {},
  checkClaim: { path: "/customers/shop/claims/www.news.example/check" },
  deleteClaim: { path: "/customers/shop/claims/www.news.example" },
  deleteOrigin: {},
  deleteSite: {},
  signOut: {},
};

const NAMES = Object.keys(SAMPLES) as RouteName[];

let world: ControlWorld;
let invoice = "";
const callers: Record<string, Record<string, string>> = {};
beforeAll(async () => {
  world = await startControlWorld();
  const headers = await world.token(OPERATOR);
  const zones =
    "plan: flat\n    zones: [{name: signed.example, dnssec: true}, {name: plain.example}]";
  const acme = "acme: {directory: 'https://ca.example/dir', termsAgreed: true}\n";
  const yaml = acme + NETWORK_YAML.replace("plan: flat", zones);
  await world.call("POST", "/apply", { headers, body: { yaml } });
  const shop = { email: "shop@shop.example", password: "shop-secret" };
  const news = { email: "news@news.example", password: "news-secret" };
  const viewer = { email: "reader@shop.example", password: "reader-secret" };
  callers.nobody = {};
  callers["a made-up token"] = { authorization: "Bearer tp_nonsense" };
  callers["the operator"] = headers;
  callers["the operator's token for reading"] = await world.token(OPERATOR, { scope: "read" });
  callers["own viewer"] = await world.token(viewer);
  callers["own token for reading"] = await world.token(shop, { scope: "read" });
  callers["own owner"] = await world.token(shop);
  callers["own session"] = await world.signIn(shop);
  callers["other owner"] = await world.token(news);
  callers["other's token by the operator"] = await world.token(OPERATOR, { customer: "news" });
  const path = "/customers/shop/sites/www.shop.example/purge";
  await world.call("POST", path, { headers, body: { path: "/first.png" } });
  const made = await world.call<{ id: string }>("POST", "/customers/shop/invoices", {
    headers,
    body: { period: "2026-11" },
  });
  invoice = made.body.id;
  // Another customer has it: it waits for a proof.
  const claimed = { headers, body: { records: [] } };
  await world.call("PUT", "/customers/shop/zones/www.news.example", claimed);
});
afterAll(() => world.stop());

function pathOf(name: RouteName): string {
  const values: Record<string, string> = {
    customer: "shop",
    hostname: "www.shop.example",
    name: "a",
    id: invoice,
    zone: "hosted.example",
    type: "A",
  };
  const { path } = routes[name];
  return SAMPLES[name].path ?? path.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? "");
}

async function statusOf(name: RouteName, caller: string, more: Record<string, string> = {}) {
  const { method } = routes[name];
  const all = Object.entries({ ...callers[caller], ...more });
  const headers = Object.fromEntries(all.filter(([, value]) => value !== ""));
  const { body } = SAMPLES[name];
  return (await world.call(method.toUpperCase(), pathOf(name), { headers, body })).status;
}

async function versionNow(): Promise<unknown> {
  const headers = callers["the operator"] ?? {};
  const { body } = await world.call<{ version: number }>("GET", "/network", { headers });
  return body.version;
}

/** What a caller who may not gets; null for those who may. */
function refusalOf(route: Route, caller: string): number | null {
  if (route.access === "anyone") return null;
  if (caller === "nobody" || caller === "a made-up token") return 401;
  const operator = caller.startsWith("the operator");
  const reads = caller.includes("reading") || caller === "own viewer";
  const write = route.access === "editor" || route.access === "owner";
  if (route.access === "operator") {
    if (!operator) return 403;
    return reads && route.method !== "get" ? 403 : null;
  }
  if (route.access === "signed-in") return null;
  if (caller.startsWith("other")) return 404;
  return reads && write ? 403 : null;
}

test("every route of the API is in this matrix", () => {
  expect(NAMES.toSorted()).toEqual(Object.keys(routes).toSorted() as RouteName[]);
});

describe("who may not call a route is refused, and nothing changes", () => {
  for (const name of NAMES) {
    test(name, async () => {
      const before = await versionNow();
      for (const caller of Object.keys(callers)) {
        const refusal = refusalOf(routes[name], caller);
        if (refusal !== null)
          expect([caller, await statusOf(name, caller)]).toEqual([caller, refusal]);
      }
      expect(await versionNow()).toEqual(before);
    });
  }
});

test("one customer's numbered things are not found by another", async () => {
  for (const name of [
    "readPurge",
    "readInvoice",
    "checkInvoice",
    "explain",
    "readZoneKeys",
  ] as const) {
    expect([name, await statusOf(name, "own owner")]).toEqual([name, 200]);
    expect([name, await statusOf(name, "the operator")]).toEqual([name, 200]);
    expect([name, await statusOf(name, "other owner")]).toEqual([name, 404]);
    expect([name, await statusOf(name, "other's token by the operator")]).toEqual([name, 404]);
  }
});

describe("a change with a cookie must come from our own pages", () => {
  const own = { "sec-fetch-site": "same-origin" };
  const forgeries: readonly (readonly [string, Record<string, string>])[] = [
    ["without Origin or Sec-Fetch-Site", { origin: "" }],
    ["from another origin", { origin: "https://evil.example", ...own }],
    ["from the null origin", { origin: "null", ...own }],
    ["from a sibling site", { "sec-fetch-site": "same-site" }],
    ["from another site", { "sec-fetch-site": "cross-site" }],
  ];
  const mutating = NAMES.filter((name) => routes[name].method !== "get");
  for (const [how, headers] of forgeries) {
    test(how, async () => {
      const before = await versionNow();
      for (const name of mutating.filter((n) => how !== forgeries[0]?.[0] || n !== "signIn")) {
        expect([name, await statusOf(name, "own session", headers)]).toEqual([name, 403]);
      }
      expect(await versionNow()).toEqual(before);
    });
  }
  test("as a form that is not JSON", async () => {
    for (const name of mutating) {
      const may = refusalOf(routes[name], "own session") === null;
      if (!may || !("body" in routes[name])) continue;
      const status = await statusOf(name, "own session", { "content-type": "text/plain" });
      expect([name, status]).toEqual([name, 403]);
    }
  });
});

test("who may call a route gets what it declares", async () => {
  for (const name of NAMES) {
    // What they end was never there, or is what asks.
    if (name.startsWith("revoke") || name === "signOut") continue;
    const { access, status } = routes[name] as Route;
    const caller = access === "operator" ? "the operator" : "own session";
    expect([name, await statusOf(name, caller)]).toEqual([name, status]);
  }
  expect(await statusOf("signOut", "own session")).toBe(204);
  expect(await statusOf("whoAmI", "own session")).toBe(401);
});

test("every change is in the audit once, and its chain is whole", async () => {
  const headers = callers["the operator"] ?? {};
  type Row = { action: string; actor: string; customer: string | null };
  const { body } = await world.call<Row[]>("GET", "/audit?limit=500", { headers });
  const count = (action: string) => body.filter((row) => row.action === action).length;
  const actions = ["site.put", "origin.put", "origin.patch", "origin.delete", "site.delete"];
  expect(actions.map(count)).toEqual([1, 1, 1, 1, 1]);
  const own = await world.call<Row[]>("GET", "/audit", { headers: callers["own owner"] ?? {} });
  expect(new Set(own.body.map((row) => row.customer))).toEqual(new Set(["shop"]));
  expect(JSON.stringify(body)).not.toContain("secret");
});
