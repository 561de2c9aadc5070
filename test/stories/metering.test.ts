import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { seededRng } from "../../src/base/rng.ts";
import { type Metering, startMeter } from "../../src/cli/node/meter.ts";
import { type ControlWorld, OPERATOR, startControlWorld } from "../../src/control/control-world.ts";
import type { Invoice, InvoiceCheck, UsageRow } from "../../src/model/api/mod.ts";

/** One customer on each kind of plan. */
const NETWORK = `
zone: cdn.example
allowPrivateOrigins: true
pops: [{name: tokyo}]
nodes: [{name: tokyo-1, pop: tokyo, roles: [dns, edge], addresses: {v4: 127.0.8.1}}]
plans:
  - {name: flat, title: Flat, currency: EUR, kind: fixed, monthly: "200.00"}
  - {name: once, title: Once, currency: EUR, kind: lump-sum, once: "5000"}
  - name: metered
    title: Metered
    currency: USD
    kind: variable
    rates:
      - {unit: gigabytes, tiers: [{upTo: 10, price: "0.09"}, {price: "0.05"}]}
      - {unit: million-requests, tiers: [{price: "0.75"}]}
  - name: growth
    title: Growth
    currency: EUR
    kind: subscription
    monthly: "49"
    rates: [{unit: gigabytes, included: 10, tiers: [{price: "0.10"}]}]
customers:
  - {name: fixed, plan: flat, sites: [{hostname: www.fixed.example, origins: [{name: a, v4: 127.0.9.1}]}]}
  - {name: lump, plan: once, sites: [{hostname: www.lump.example, origins: [{name: a, v4: 127.0.9.2}]}]}
  - name: vary
    plan: metered
    members: [{email: pay@vary.example, password: vary-secret}]
    sites: [{hostname: www.vary.example, origins: [{name: a, v4: 127.0.9.3}]}]
  - {name: grow, plan: growth, sites: [{hostname: www.grow.example, origins: [{name: a, v4: 127.0.9.4}]}]}
`;
const CUSTOMERS = ["fixed", "lump", "vary", "grow"] as const;
const GB = 1_000_000_000;
const MEMBER = { email: "pay@vary.example", password: "vary-secret" };

let world: ControlWorld;
let operator: Record<string, string>;
let folder: string;
const nodes: Metering[] = [];

beforeAll(async () => {
  world = await startControlWorld();
  operator = await world.token(OPERATOR);
  folder = await mkdtemp(join(tmpdir(), "turnpike-metering-"));
  const applied = await world.call("POST", "/apply", {
    body: { yaml: NETWORK },
    headers: operator,
  });
  expect([applied.status, applied.body]).toMatchObject([200, {}]);
  const { bus, clock } = world;
  for (const node of ["tokyo-1", "paris-1"]) {
    const o = { node, dataDir: join(folder, node), bus, clock, log: silentLog };
    // Flushed by hand: the clock stands still.
    nodes.push(await startMeter({ ...o, rng: seededRng(nodes.length), intervalMs: 100_000_000 }));
  }
});

afterAll(async () => {
  for (const node of nodes) await node.stop();
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

function count(node: number, customer: string, more: { bytes: number; requests: number }): void {
  const counters = nodes[node]?.meter.of(customer, `www.${customer}.example`);
  if (counters === undefined) throw new Error(`no node ${node}`);
  counters.bytesOut += more.bytes;
  counters.requests += more.requests;
}

async function flush(): Promise<void> {
  for (const node of nodes) await node.flush();
}

async function get<T>(path: string): Promise<T> {
  const { status, body } = await world.call<T>("GET", path, { headers: operator });
  expect(status).toBe(200);
  return body;
}

async function issue(customer: string, period: string, now = false) {
  const body = now ? { period, upTo: "now" } : { period };
  const o = { body, headers: operator };
  return world.call<Invoice>("POST", `/customers/${customer}/invoices`, o);
}

const period = () => new Date(world.clock.wallMs()).toISOString().slice(0, 7);

test("usage of two nodes is in the ledger, by customer, site and node", async () => {
  for (const customer of CUSTOMERS) {
    count(0, customer, { bytes: 12 * GB, requests: 1_500_000 });
    count(1, customer, { bytes: 3 * GB, requests: 500_000 });
  }
  await flush();
  const rows = await get<UsageRow[]>("/customers/vary/usage");
  expect(rows.map((r) => [r.site, r.node, r.bytesOut, r.requests])).toEqual([
    ["www.vary.example", "paris-1", 3 * GB, 500_000],
    ["www.vary.example", "tokyo-1", 12 * GB, 1_500_000],
  ]);
});

test("each kind of plan gives its invoice, which follows from the ledger and is paid", async () => {
  expect((await issue("vary", period())).status).toBe(422);
  const totals: Record<string, string> = {};
  for (const customer of CUSTOMERS) {
    const { status, body } = await issue(customer, period(), true);
    expect(status).toBe(201);
    totals[customer] = `${body.total} ${body.currency}`;
    const check = await get<InvoiceCheck>(`/invoices/${body.id}/check`);
    expect(check).toMatchObject({ equal: true, differences: [] });
    const paid = await world.call<Invoice>("POST", `/invoices/${body.id}/paid`, {
      headers: operator,
      body: {},
    });
    expect(paid.body.state).toBe("paid");
  }
  expect(totals).toEqual({
    fixed: "200.00 EUR",
    lump: "5000.00 EUR",
    vary: "2.65 USD",
    grow: "49.50 EUR",
  });
  const audit = await get<{ action: string; customer: string | null }[]>("/audit?limit=100");
  const acts = audit.filter((entry) => entry.customer === "vary").map((entry) => entry.action);
  expect(acts.sort()).toEqual(["invoice.issue", "invoice.pay"]);
});

test("usage that follows is on the next invoice, also after a restart", async () => {
  count(0, "grow", { bytes: 5 * GB, requests: 1 });
  await flush();
  await world.restart();
  count(1, "grow", { bytes: 1 * GB, requests: 1 });
  await flush();
  const month = period();
  world.clock.advance(40 * 86_400_000);
  operator = await world.token(OPERATOR);
  const { body } = await issue("grow", month);
  expect([body.part, body.total]).toEqual([2, "0.60"]);
  expect((await issue("grow", month)).body.id).toBe(body.id);
  const list = await get<Invoice[]>("/customers/grow/invoices");
  expect(list.map((i) => i.total)).toEqual(["0.60", "49.50"]);
  for (const { id } of list)
    expect(await get<InvoiceCheck>(`/invoices/${id}/check`)).toMatchObject({ equal: true });
});

test("a member reads the own invoices and nobody else's, and issues and pays none", async () => {
  const headers = await world.signIn(MEMBER);
  const own = await world.call<Invoice[]>("GET", "/customers/vary/invoices", { headers });
  expect(own.body).toHaveLength(1);
  const { body: others } = await world.call<Invoice[]>("GET", "/customers/grow/invoices", {
    headers: operator,
  });
  const id = own.body[0]?.id;
  const asks = [
    ["GET", `/invoices/${id}`, 200],
    ["GET", `/invoices/${id}/check`, 200],
    ["GET", "/customers/grow/invoices", 404],
    ["GET", "/customers/grow/usage", 404],
    ["GET", `/invoices/${others[0]?.id}`, 404],
    ["GET", `/invoices/${others[0]?.id}/check`, 404],
    ["GET", "/invoices/TP-999999", 404],
    ["GET", "/invoices/nonsense", 404],
    ["POST", `/invoices/${id}/paid`, 403],
    ["POST", "/customers/vary/invoices", 403],
  ] as const;
  for (const [method, path, status] of asks) {
    const body = path.endsWith("invoices") ? { period: period() } : {};
    const o = method === "GET" ? { headers } : { headers, body };
    expect([path, (await world.call(method, path, o)).status]).toEqual([path, status]);
  }
});

test("somebody who is no customer any more still gets a last invoice", async () => {
  count(0, "grow", { bytes: 2 * GB, requests: 1 });
  await flush();
  const without = NETWORK.split("\n").filter((line) => !line.includes("name: grow,"));
  const o = { body: { yaml: without.join("\n") }, headers: operator };
  expect((await world.call("POST", "/apply", o)).status).toBe(200);
  const { status, body } = await issue("grow", period(), true);
  expect([status, body.lines.map((l) => l.amount)]).toEqual([201, ["49.00", "0.00"]]);
  expect((await issue("nobody", period(), true)).status).toBe(404);
});
