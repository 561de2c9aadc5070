import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { ProblemDetails, TsigKeyRow, ZoneChanged } from "../model/api/mod.ts";
import type { Network } from "../model/network.ts";
import type { ChallengeStep, ServerExtras } from "../model/zone-extras.ts";
import { RCODE } from "../wire/dns/mod.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";
import { askSecrets } from "./secrets.fixture.ts";

setDefaultTimeout(30_000);

let world: ControlWorld;
let shop: Record<string, string>;
beforeAll(async () => {
  world = await startControlWorld();
  const yaml = NETWORK_YAML.replace(
    "    sites:\n      - hostname: www.shop.example\n",
    "    zones: [{name: shop.test}, {name: signed.test, dnssec: true}]\n    sites:\n      - hostname: www.shop.example\n        onboarding: delegation\n",
  );
  await world.call("POST", "/apply", { headers: await world.token(OPERATOR), body: { yaml } });
  shop = await world.token({ email: "shop@shop.example", password: "shop-secret" });
});
afterAll(() => world.stop());

async function extrasNow(): Promise<ServerExtras> {
  const { digest: _, ...extras } = (await askSecrets(world.bus, "zone.extras"))!;
  return extras;
}
const values = async () =>
  (await extrasNow()).challenges.map(({ name, value }) => `${name} ${value}`);
const update = async (customer: string, ...steps: ChallengeStep[]) =>
  (await world.bus.request("challenge.update", { customer, steps }, 1000)).rcode;
const add = (name: string, value: string): ChallengeStep => ({ action: "add", name, value });

const KEYS = "/customers/shop/tsig-keys";
type Made = TsigKeyRow & { readonly secret: string } & ProblemDetails;
const make = (key: string, use: string, more: object = {}) =>
  world.call<Made>("POST", KEYS, { headers: shop, body: { key, use, ...more } });

test("a key's secret is told once, kept sealed, and given to name servers only", async () => {
  let told = 0;
  const stop = world.bus.subscribe("zone.extras.changed", () => {
    told += 1;
  });
  const { status, body } = await make("xfr", "transfer");
  expect([status, body.name, body.algorithm]).toEqual([201, "xfr.shop", "hmac-sha256"]);
  expect(Buffer.from(body.secret, "base64")).toHaveLength(32);
  expect(told).toBe(1);
  stop();
  const list = await world.call<TsigKeyRow[]>("GET", KEYS, { headers: shop });
  expect(list.body).toEqual([
    {
      name: "xfr.shop",
      key: "xfr",
      use: "transfer",
      algorithm: "hmac-sha256",
      createdAt: body.createdAt,
    },
  ]);
  expect((await extrasNow()).tsig).toEqual([
    {
      name: "xfr.shop",
      customer: "shop",
      use: "transfer",
      algorithm: "hmac-sha256",
      secret: body.secret,
    },
  ]);
  expect(JSON.stringify(world.published)).not.toContain(body.secret);
  const audit = await world.call("GET", "/audit", { headers: shop });
  expect(JSON.stringify(audit.body)).not.toContain(body.secret);
  const file = await Bun.file(join(world.dataDir, "zone-extras.db")).bytes();
  expect(Buffer.from(file).includes(Buffer.from(body.secret, "base64"))).toBe(false);
  expect(statSync(join(world.dataDir, "zone-extras.secret")).mode & 0o777).toBe(0o600);
  expect((await make("xfr", "acme")).status).toBe(409);
  expect((await make("odd", "everything")).status).toBe(422);
});

test("keys are bounded, and a deleted one is gone at once", async () => {
  for (let i = 0; i < 9; i++) expect((await make(`k${i}`, "acme")).status).toBe(201);
  const over = await make("over", "acme");
  expect([over.status, over.body.problems[0]?.message]).toEqual([422, "expected at most 10 keys"]);
  for (let i = 0; i < 9; i++) {
    const gone = await world.call("DELETE", `${KEYS}/k${i}`, { headers: shop });
    expect(gone.status).toBe(204);
  }
  expect((await world.call("DELETE", `${KEYS}/k0`, { headers: shop })).status).toBe(404);
  expect((await extrasNow()).tsig.map((key) => key.name)).toEqual(["xfr.shop"]);
});

test("who may fetch a zone is in the snapshot, and never for a signed zone", async () => {
  const put = (zone: string, body: object) =>
    world.call<ZoneChanged & ProblemDetails>("PUT", `/customers/shop/zones/${zone}/transfer`, {
      headers: shop,
      body,
    });
  const to = ["127.0.2.53", "[::1]:5353"];
  expect((await put("shop.test", { key: "xfr", to })).status).toBe(200);
  expect(world.published.at(-1)!.zones.find((zone) => zone.name === "shop.test")?.transfer).toEqual(
    {
      key: "xfr.shop",
      to: ["127.0.2.53:53", "[::1]:5353"],
    },
  );
  type View = { transfer?: object };
  const view = await world.call<View>("GET", "/customers/shop/zones/shop.test", { headers: shop });
  expect(view.body.transfer).toEqual({ key: "xfr", to: ["127.0.2.53:53", "[::1]:5353"] });
  // Records are replaced without it.
  const records = { headers: shop, body: { records: [] } };
  await world.call("PUT", "/customers/shop/zones/shop.test", records);
  expect(world.published.at(-1)!.zones[0]?.transfer?.key).toBe("xfr.shop");
  for (const wrong of ["ns.example", "127.0.0.1:0", "127.0.0.1:99999", "::1:53:", ""]) {
    expect([wrong, (await put("shop.test", { key: "xfr", to: [wrong] })).status]).toEqual([
      wrong,
      422,
    ]);
  }
  const signed = await put("signed.test", { key: "xfr", to });
  expect([signed.status, signed.body.problems[0]?.path]).toEqual([422, "transfer"]);
  expect((await put("none.test", { key: "xfr", to })).status).toBe(404);
  const path = "/customers/shop/zones/shop.test/transfer";
  expect((await world.call("DELETE", path, { headers: shop })).status).toBe(200);
  expect(world.published.at(-1)!.zones[0]?.transfer).toBeUndefined();
});

test("challenges are set and removed at the customer's own names only", async () => {
  const a = "_acme-challenge.www.shop.test";
  const b = "_acme-challenge.www.shop.example";
  expect(await update("shop", add(a, "one"), add(a, "two"), add(b, "three"))).toBe(0);
  expect(await values()).toEqual([`${a} one`, `${a} two`, `${b} three`]);
  // The same again is one.
  expect(await update("shop", add(a, "one"))).toBe(0);
  expect((await values()).toSorted()).toEqual([`${b} three`, `${a} one`, `${a} two`]);
  for (const [customer, name] of [
    ["news", a],
    ["shop", "_acme-challenge.www.news.example"],
    ["shop", "_acme-challenge.elsewhere.test"],
    ["shop", "www.shop.test"],
    ["shop", "_acme-challengex.www.shop.test"],
    ["nobody", a],
  ] as const) {
    expect([name, await update(customer, add(b, "x"), add(name, "x"))]).toEqual([
      name,
      RCODE.REFUSED,
    ]);
  }
  expect(await update("shop", add(a, "x".repeat(256)))).toBe(RCODE.REFUSED);
  expect(await values()).toHaveLength(3);
  expect(await update("shop", { action: "remove", name: a, value: "one" })).toBe(0);
  expect(await update("shop", { action: "remove", name: b, value: null })).toBe(0);
  expect(await values()).toEqual([`${a} two`]);
});

test("a zone of another customer's below one's own is not one's own", async () => {
  const headers = await world.token(OPERATOR);
  const { body } = await world.call<{ network: Network }>("GET", "/network", { headers });
  const customers = body.network.customers.map((customer) => {
    if (customer.name !== "news") return customer;
    return { ...customer, zones: [{ name: "dev.shop.test", proven: true }] };
  });
  const network = { ...body.network, customers };
  expect((await world.call("POST", "/apply", { headers, body: { network } })).status).toBe(200);
  const name = "_acme-challenge.dev.shop.test";
  expect(await update("shop", add(name, "mine"))).toBe(RCODE.REFUSED);
  expect(await update("news", add(name, "theirs"))).toBe(0);
  expect(await update("news", { action: "remove", name, value: null })).toBe(0);
});

test("challenges survive a restart, are bounded, and end after an hour", async () => {
  await world.restart();
  expect(await values()).toEqual(["_acme-challenge.www.shop.test two"]);
  const many = Array.from({ length: 100 }, (_, i) => add(`_acme-challenge.n${i}.shop.test`, "x"));
  expect(await update("shop", ...many)).toBe(RCODE.REFUSED);
  expect(await update("shop", ...many.slice(1))).toBe(0);
  expect(await values()).toHaveLength(100);
  world.clock.advance(3_600_001);
  expect(await update("shop", add("_acme-challenge.shop.test", "late"))).toBe(0);
  expect(await values()).toEqual(["_acme-challenge.shop.test late"]);
});
