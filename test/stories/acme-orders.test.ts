/** What becomes of orders for certificates: over years, through kills, refusals and silence. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRng } from "../../src/base/rng.ts";
import { issue } from "../../src/cli/demo/certificate.ts";
import { DIRECTORY } from "../../src/control/acme/fake-ca.fixture.ts";
import type { ObtainedRow } from "../../src/model/api/mod.ts";
import { AcmeStore } from "../../src/store/acme.ts";
import { Folder } from "../lab/turnpike.ts";
import { Lab, LIFE_DAYS, root, SHARED } from "./acme-lab.ts";

// Every start hashes a password: on a busy machine that takes seconds.
setDefaultTimeout(60_000);

const DAY = 86_400_000;
/** Of the places to kill at, before and after each exchange, every so manieth is tried. */
const KILL_EACH = Number(process.env.TURNPIKE_ORDER_KILL_EACH ?? 3);
const SECOND = "www.shop.example.cdn.example";
const ALL = [SHARED, SECOND, "www.news.example.cdn.example"];

let world: Lab | null = null;

/** A sample of control's metrics; null where there is none. */
async function metric(name: string, labels = ""): Promise<number | null> {
  const text = await (await fetch(`${world?.control.control.url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`turnpike_${name}${labels} `));
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(" ") + 1));
}

afterEach(async () => {
  await world?.control.stop();
  world = null;
});

test("all names are obtained, one certificate each, through refused nonces; nothing is left at the name servers", async () => {
  world = await new Lab().start();
  world.ca.nonceRefusals = 5;
  await world.settle();
  const rows = await world.rows();
  expect(rows.map(({ host, customer, state }) => `${host} ${customer} ${state}`)).toEqual([
    `${SHARED} null obtained`,
    `${SECOND} shop obtained`,
    "www.news.example.cdn.example news obtained",
  ]);
  expect(world.ca.orders.map(({ host }) => host).sort()).toEqual(ALL.toSorted());
  expect((await world.challenges()).size).toBe(0);
  const before = world.ca.asked.length;
  await world.settle();
  expect(world.ca.asked.length).toBe(before);
});

test("each is renewed when two thirds of its life have passed, again and again, and never before", async () => {
  world = await new Lab().start(", sites: false");
  const { control, ca } = world;
  await world.settle();
  for (let days = 0; days < 360; days += 5) {
    control.clock.advance(5 * DAY);
    await world.settle();
    // There are always some weeks left.
    const ageMs = control.clock.wallMs() - (ca.issuedMs.at(-1) ?? 0);
    expect(ageMs).toBeLessThan((LIFE_DAYS - 20) * DAY);
  }
  // 360 days at 55 to 60 days each, seen every five days.
  expect(ca.issuedMs.length).toBeGreaterThanOrEqual(6);
  expect(ca.issuedMs.length).toBeLessThanOrEqual(8);
});

test("a renewal that fails leaves the certificate, is told in the authority's words, and comes again later and later", async () => {
  world = await new Lab().start(", sites: false");
  const { control, ca } = world;
  await world.settle();
  const { notAfter } = await world.row(SHARED);
  control.clock.advance(61 * DAY);
  ca.refusals.set("order-new", { type: "rejectedIdentifier", detail: "not today\u001b[2J" });
  const waits: number[] = [];
  for (let tries = 0; tries < 4; tries++) {
    await world.settle();
    const row = await world.row(SHARED);
    expect([row.state, row.notAfter, row.failures]).toEqual(["failed", notAfter, tries + 1]);
    expect(row.problem).toContain("rejectedIdentifier: not today [2J");
    const waitMs = Date.parse(row.nextAt ?? "") - control.clock.wallMs();
    waits.push(waitMs);
    const asked = ca.asked.length;
    control.clock.advance(waitMs - 1000);
    await world.settle();
    expect(ca.asked.length).toBe(asked);
    control.clock.advance(1000);
  }
  expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
  expect(await world.row(SHARED)).toMatchObject({ alarm: false });
  expect(await metric("certificate_names", '{state="failed"}')).toBe(1);
  expect(await metric("certificate_alarms")).toBe(0);
  const endsSec = Date.parse(notAfter ?? "") / 1000;
  expect(await metric("certificate_expiry_timestamp_seconds", '{of="network"}')).toBe(endsSec);
  // Three weeks before the end somebody should look.
  control.clock.advance(10 * DAY);
  await world.settle();
  expect(await world.row(SHARED)).toMatchObject({ alarm: true, notAfter });
  expect(await metric("certificate_alarms")).toBe(1);
  expect(await metric("certificates", '{kind="obtained",state="expiring"}')).toBe(1);
  ca.refusals.clear();
  control.clock.advance(DAY);
  await world.settle();
  expect(await world.row(SHARED)).toMatchObject({ state: "obtained", failures: 0, problem: null });
  expect(await metric("certificate_alarms")).toBe(0);
});

test("a kill before or after any exchange costs no certificate: the order goes on, and there is one at a time", async () => {
  const lab = await new Lab().start(", sites: false");
  world = lab;
  const { control, ca, headers } = lab;
  const path = `/obtained/${SHARED}/renew`;
  // The account is made, and nobody is told.
  ca.silentAt = { n: 3, when: "after" };
  void lab.settle();
  await ca.silence;
  expect(ca.accounts).toBe(1);
  ca.silentAt = null;
  await control.restart();
  await lab.settle();
  let through = 0;
  const kills: number[] = [];
  for (let n = 1; through < 1; n++) {
    for (const when of ["before", "after"] as const) {
      const step = 2 * n + (when === "after" ? 1 : 0);
      if (step % KILL_EACH !== 0) continue;
      kills.push(step);
      const [certificates, orders] = [ca.issuedMs.length, ca.orders.length];
      // The limits are of no interest here.
      control.clock.advance(3_600_001);
      ca.silentAt = { n, when };
      await control.call("POST", path, { headers });
      const settled = lab.settle().then(() => true);
      const isThrough = await Promise.race([settled, ca.silence.then(() => false)]);
      ca.silentAt = null;
      if (isThrough) through++;
      else {
        await control.restart();
        await lab.settle();
      }
      const row = await lab.row(SHARED);
      const made = [ca.issuedMs.length - certificates, ca.orders.length - orders];
      // A second order only where the answer that told where the first one is was lost.
      const isLost = when === "after" && made[1] === 2;
      const expected = ["obtained", null, 1, isLost ? 2 : 1];
      expect([when, n, row.state, row.problem, ...made]).toEqual([when, n, ...expected]);
      if (isThrough) expect(n).toBeGreaterThan(8);
    }
  }
  expect(ca.accounts).toBe(1);
  expect(kills.length).toBeGreaterThan(16 / KILL_EACH);
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence !== undefined) {
    const lost = ca.issuedMs.length - 1 - kills.length;
    const counts = { kills: kills.length, lost, accounts: ca.accounts, orders: ca.orders.length };
    writeFileSync(evidence, `${JSON.stringify(counts, null, 2)}\n`);
  }
}, 120_000);

test("no more is ordered than the limits allow, the shared name first; renewals are not counted by the week", async () => {
  world = await new Lab().start(", limits: {perHour: 2, perWeek: 2}");
  const { control, ca } = world;
  await world.settle();
  expect(ca.orders.map(({ host }) => host)).toEqual([SHARED, SECOND]);
  expect(await world.states()).toBe("obtained obtained waiting");
  control.clock.advance(6 * DAY);
  await world.settle();
  expect(ca.orders.length).toBe(2);
  control.clock.advance(DAY + 1);
  await world.settle();
  expect(ca.orders.length).toBe(3);
  control.clock.advance(65 * DAY);
  await world.settle();
  expect(ca.orders.length).toBe(5);
  control.clock.advance(3_600_001);
  await world.settle();
  expect(ca.orders.length).toBe(6);
});

test("an authority that says it is too much is left alone for as long as it says, for all names", async () => {
  world = await new Lab().start();
  const { control, ca } = world;
  ca.refusals.set("order-new", { type: "rateLimited", detail: "slowly", retryAfter: "7200" });
  await world.settle();
  ca.refusals.clear();
  const asked = ca.asked.length;
  control.clock.advance(7_100_000);
  await world.settle();
  expect(ca.asked.length).toBe(asked);
  control.clock.advance(200_000);
  await world.settle();
  expect(await world.states()).toBe("obtained obtained obtained");
});

test("the time that an authority suggests is kept to, and what it calls back is renewed at once", async () => {
  world = await new Lab().start(", sites: false");
  const { control, ca } = world;
  const at = (days: number) => new Date(control.clock.wallMs() + days * DAY).toISOString();
  ca.window = { start: at(10), end: at(12) };
  await world.settle();
  const { nextAt } = await world.row(SHARED);
  expect([nextAt ?? "", ca.window.start].toSorted()[0]).toBe(ca.window.start);
  expect([nextAt ?? "", ca.window.end].toSorted()[1]).toBe(ca.window.end);
  // It revokes what it issued: the window is over at once.
  ca.window = { start: at(-2), end: at(-1) };
  control.clock.advance(DAY);
  await world.settle();
  await world.settle();
  expect(ca.orders.length).toBe(2);
  expect(ca.orders[1]?.replaces).toMatch(/^AQIDBAU\.[\w-]+$/);
});

test("nothing is ordered for a name whose uploaded certificate lasts, and a gone site's is not renewed", async () => {
  world = await new Lab().start();
  const { control, ca } = world;
  const { headers } = world;
  const from = new Date(control.clock.wallMs() - DAY);
  const own = issue({ subject: "own", names: [SECOND], from, days: 60, by: root });
  const body = { cert: own.cert + root.cert, key: own.key };
  const added = await control.call("POST", "/customers/shop/certificates", { headers, body });
  expect(added.status).toBe(201);
  await world.settle();
  expect(await world.states()).toBe("obtained own obtained");
  // What is obtained has its names for itself.
  const taken = { ...body, name: `acme_${SHARED}` };
  const refused = await control.call("POST", "/certificates", { headers, body: taken });
  expect(refused.status).toBe(422);
  const path = `/certificates/acme_${SHARED}`;
  const removed = await control.call<{ detail: string }>("DELETE", path, { headers });
  expect(removed.status).toBe(409);
  expect(removed.body.detail).toContain(`turnpike certificate revoke ${SHARED} --network`);
  // Three weeks before the end the network takes over.
  control.clock.advance(40 * DAY);
  await world.settle();
  expect(ca.orders.filter(({ host }) => host === SECOND).length).toBe(1);
  await control.call("DELETE", "/customers/news/sites/www.news.example", { headers });
  control.clock.advance(70 * DAY);
  await world.settle();
  expect(ca.orders.filter(({ host }) => host.includes("news")).length).toBe(1);
  const left = await control.call<unknown[]>("GET", "/customers/news/certificates", { headers });
  expect(left.body).toEqual([]);
});

test("the authority is told only once every name server that answers holds the challenge (T7)", async () => {
  world = await new Lab().start(", sites: false");
  const { ca } = world;
  world.servers = "older";
  const settled = world.settle();
  const deadline = performance.now() + 20_000;
  while ((await world.challenges()).size === 0 && performance.now() < deadline) await Bun.sleep(10);
  expect((await world.challenges()).size).toBe(1);
  expect(ca.asked.filter((line) => line.includes("challenge"))).toEqual([]);
  world.servers = "right";
  await settled;
  expect(await world.states()).toBe("obtained");
  expect((await world.challenges()).size).toBe(0);
});

test("an authority that has forgotten the account gets it again; a revoked certificate is gone and another comes", async () => {
  world = await new Lab().start(", sites: false");
  const { control, ca, headers } = world;
  await world.settle();
  ca.forgetAccounts();
  const renew = await control.call("POST", `/obtained/${SHARED}/renew`, { headers });
  expect(renew.status).toBe(200);
  await world.settle();
  expect(ca.orders.length).toBe(2);
  expect(await world.states()).toBe("obtained");
  const body = { reason: "key-compromise" };
  const path = `/obtained/${SHARED}/revoke`;
  const revoked = await control.call<ObtainedRow>("POST", path, { headers, body });
  expect([revoked.status, revoked.body.notAfter, ca.revoked]).toEqual([200, null, [1]]);
  await world.settle();
  expect([ca.orders.length, await world.states()]).toEqual([3, "obtained"]);
});

test("what is obtained for a site that is gone can be removed; another comes where it is wanted again", async () => {
  world = await new Lab().start();
  const { control, ca, headers } = world;
  await world.settle();
  const NEWS = "/customers/news";
  const host = "www.news.example.cdn.example";
  const orders = () => ca.orders.filter((one) => one.host === host).length;
  const remove = () => control.call("DELETE", `${NEWS}/certificates/acme_${host}`, { headers });
  expect((await remove()).status).toBe(409);
  await control.call("DELETE", `${NEWS}/sites/www.news.example`, { headers });
  expect((await remove()).status).toBe(204);
  expect((await remove()).status).toBe(404);
  const body = { origins: [{ name: "a", v4: "127.0.3.1" }] };
  const added = await control.call("PUT", `${NEWS}/sites/www.news.example`, { headers, body });
  expect(added.status).toBe(200);
  expect(await world.row(host)).toMatchObject({ state: "waiting", notAfter: null, nextAt: null });
  await world.settle();
  expect([orders(), (await world.row(host)).state]).toEqual([2, "obtained"]);
});

test("a customer who revokes has another within the hour, however often; the operator at once", async () => {
  world = await new Lab().start();
  const { control, ca, headers: operator } = world;
  await world.settle();
  const shop = await control.token({ email: "shop@shop.example", password: "shop-secret" });
  const orders = () => ca.orders.filter(({ host }) => host === SECOND).length;
  const revoke = async (headers: Record<string, string>) => {
    const path = `/customers/shop/obtained/${SECOND}/revoke`;
    const said = await control.call<ObtainedRow>("POST", path, { headers, body: {} });
    await world?.settle();
    return [said.status, said.body.notAfter ?? null, orders()];
  };
  expect(await revoke(shop)).toEqual([200, null, 1]);
  expect(await world.row(SECOND)).toMatchObject({ state: "waiting", notAfter: null });
  control.clock.advance(3_600_000);
  await world.settle();
  expect(orders()).toBe(2);
  expect(await revoke(operator)).toEqual([200, null, 3]);
  // The authority has done it by itself.
  ca.refusals.set("revoke", { type: "alreadyRevoked", detail: "of a leaked key" });
  expect(await revoke(operator)).toEqual([200, null, 4]);
  // What it refuses for another reason is shown as it was.
  ca.refusals.set("revoke", { type: "unauthorized", detail: "no" });
  const { notAfter } = await world.row(SECOND);
  expect((await revoke(operator))[0]).toBeGreaterThanOrEqual(500);
  expect(await world.row(SECOND)).toMatchObject({ state: "obtained", notAfter });
});

test("a site that goes while its certificate is ordered gets none (T6)", async () => {
  world = await new Lab().start();
  const { control, ca, headers } = world;
  world.servers = "older";
  const settled = world.settle();
  const isShown = (set: Map<string, string>) => set.has(`_acme-challenge.${SECOND}`);
  const deadline = performance.now() + 20_000;
  while (!isShown(await world.challenges()) && performance.now() < deadline) await Bun.sleep(10);
  const path = "/customers/shop/sites/www.shop.example";
  expect((await control.call("DELETE", path, { headers })).status).toBe(200);
  await world.rows();
  world.servers = "right";
  await settled;
  expect((await world.rows()).map(({ host }) => host)).not.toContain(SECOND);
  expect(ca.issuedMs.length).toBe(2);
  const left = await control.call<unknown[]>("GET", "/customers/shop/certificates", { headers });
  expect(left.body).toEqual([]);
  expect((await world.challenges()).size).toBe(0);
});

test("keys of accounts, orders and certificates lie nowhere in the open (T8)", async () => {
  world = await new Lab().start(", sites: false");
  const { control, ca, headers } = world;
  // Silent with the order under way, whose key is then in the store.
  ca.silentAt = { n: 9, when: "after" };
  const settled = world.settle();
  await ca.silence;
  const copy = new Folder();
  for (const name of readdirSync(control.dataDir)) {
    if (name.startsWith("acme.")) copyFileSync(join(control.dataDir, name), copy.join(name));
  }
  const [path, masterPath] = [copy.join("acme.db"), copy.join("acme.secret")];
  const store = new AcmeStore({ path, masterPath, rng: seededRng(1) });
  const keys = [store.account(DIRECTORY)?.key, store.list()[0]?.key].map((key) => key ?? "");
  store.close();
  copy.remove();
  const scalars = keys.map((key) => createPrivateKey(key).export({ format: "jwk" }).d ?? "");
  const secrets = scalars.flatMap((d) => [d, Buffer.from(d, "base64url")]);
  secrets.push(...keys.map((key) => key.split("\n")[1] ?? key), "PRIVATE KEY");
  for (const name of readdirSync(control.dataDir)) {
    const octets = readFileSync(join(control.dataDir, name));
    expect([name, secrets.some((secret) => octets.includes(secret))]).toEqual([name, false]);
  }
  for (const at of ["/obtained", "/network", "/audit?limit=500", "/certificates"]) {
    const words = JSON.stringify((await control.call("GET", at, { headers })).body);
    expect([at, secrets.some((secret) => words.includes(String(secret)))]).toEqual([at, false]);
  }
  ca.silentAt = null;
  await control.restart();
  await settled;
});

test("a customer asks for a name of its own once an hour, and for nobody else's", async () => {
  world = await new Lab().start();
  const { control, ca } = world;
  await world.settle();
  const shop = await control.token({ email: "shop@shop.example", password: "shop-secret" });
  const ask = (customer: string, host: string) => {
    const path = `/customers/${customer}/obtained/${host}/renew`;
    return control.call("POST", path, { headers: shop }).then(({ status }) => status);
  };
  expect(await ask("shop", SECOND)).toBe(429);
  control.clock.advance(3_600_000);
  expect(await ask("shop", SECOND)).toBe(200);
  await world.settle();
  expect(ca.orders.filter(({ host }) => host === SECOND).length).toBe(2);
  expect(await ask("shop", "www.news.example.cdn.example")).toBe(404);
  expect(await ask("shop", SHARED)).toBe(404);
  expect(await ask("news", "www.news.example.cdn.example")).toBe(404);
});
