import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ClaimView, ProblemDetails, ZoneChanged } from "../model/api/mod.ts";
import { TYPE } from "../wire/dns/mod.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";
import { TableResolver } from "./resolver.fake.ts";

setDefaultTimeout(30_000);

const resolver = new TableResolver();
let world: ControlWorld;
let shop: Record<string, string>;
let news: Record<string, string>;
beforeAll(async () => {
  world = await startControlWorld({ resolver });
  const headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
  shop = await world.token({ email: "shop@shop.example", password: "shop-secret" });
  news = await world.token({ email: "news@news.example", password: "news-secret" });
});
afterAll(() => world.stop());

const RECORDS = { records: [{ name: "@", type: "TXT", value: "mine" }] };
const zonesNow = () =>
  world.published.at(-1)!.zones.map(({ name, customer }) => `${name} ${customer}`);
const putZone = (who: Record<string, string>, customer: string, zone: string, body: object = {}) =>
  world.call<ZoneChanged & ProblemDetails>("PUT", `/customers/${customer}/zones/${zone}`, {
    headers: who,
    body: { ...RECORDS, ...body },
  });
const check = (who: Record<string, string>, customer: string, name: string) =>
  world.call<ClaimView & ProblemDetails>("POST", `/customers/${customer}/claims/${name}/check`, {
    headers: who,
  });
const claims = async (who: Record<string, string>, customer: string) =>
  (await world.call<ClaimView[]>("GET", `/customers/${customer}/claims`, { headers: who })).body;

const delegate = (name: string, servers: readonly string[]) => resolver.delegate(name, servers);

describe("a name that is, contains, or lies under another customer's (D19)", () => {
  test("is pending, changes nothing that is served, and says what to set", async () => {
    expect((await putZone(shop, "shop", "shop.test")).body.pending).toBeUndefined();
    const before = world.published.at(-1)!;
    for (const zone of ["shop.test", "dev.shop.test", "www.shop.example", "a.www.shop.example"]) {
      const { status, body } = await putZone(news, "news", zone);
      expect([status, body.snapshot, body.changes]).toEqual([200, null, []]);
      expect(body.pending).toMatchObject({ customer: "news", name: zone, state: "pending" });
      expect(body.pending?.proofs).toEqual([
        {
          name: zone,
          txt: {
            name: `_turnpike-challenge.${zone}`,
            value: expect.stringMatching(/^turnpike-[0-9a-f]{32}$/),
          },
          ns: ["ns1-news.cdn.example"],
        },
      ]);
    }
    // The parent of a site's hostname, and of a zone.
    for (const zone of ["example.test", "shop.example"]) {
      if (zone === "example.test") await putZone(shop, "shop", "in.example.test");
      const { body } = await putZone(news, "news", zone);
      expect(body.pending?.name).toBe(zone);
    }
    expect(world.published.at(-1)!.zones.filter((zone) => zone.customer === "news")).toEqual([]);
    expect(before.zones.map((zone) => zone.name)).toContain("shop.test");
    expect((await claims(news, "news")).length).toBe(6);
    expect(await claims(shop, "shop")).toEqual([]);
  });

  test("holds for hostnames and aliases too, with all that was put beside them", async () => {
    const origins = [{ name: "a", v4: "127.0.3.9" }];
    const put = (hostname: string, body: object) =>
      world.call<{ snapshot: number | null; pending?: ClaimView }>(
        "PUT",
        `/customers/news/sites/${hostname}`,
        { headers: news, body: { origins, ...body } },
      );
    const inside = await put("cdn.shop.test", {});
    expect([inside.body.snapshot, inside.body.pending?.proofs[0]?.ns]).toEqual([null, null]);
    const aliased = await put("www.news.example", { cache: { aliases: ["img.shop.test"] } });
    expect(aliased.body.pending?.proofs.map((proof) => proof.name)).toEqual(["img.shop.test"]);
    const site = world.published.at(-1)!.sites.find((one) => one.hostname === "www.news.example")!;
    expect(site.aliases).toEqual([]);
    const delegated = await put("x.www.shop.example", { onboarding: "delegation" });
    expect(delegated.body.pending?.proofs[0]?.ns).toEqual(["ns1-news.cdn.example"]);
    // A plain hostname beside or below another's takes nothing from it.
    const free = await put("y.www.shop.example", {});
    expect(free.body.pending).toBeUndefined();
    for (const name of ["cdn.shop.test", "www.news.example", "x.www.shop.example"]) {
      const path = `/customers/news/claims/${name}`;
      expect((await world.call("DELETE", path, { headers: news })).status).toBe(204);
    }
  });

  test("tells now what is wrong with it, and of a dry run that it would wait", async () => {
    const record = { name: "a", type: "CNAME", value: "b.test" };
    const twice = await putZone(news, "news", "bad.shop.test", { records: [record, record] });
    expect([twice.status, twice.body.problems.length > 0]).toEqual([422, true]);
    const dry = await putZone(news, "news", "dry.shop.test", { dryRun: true });
    expect(dry.body.warnings.map((warning) => warning.path)).toEqual(["name"]);
    expect((await claims(news, "news")).some(({ name }) => name === "dry.shop.test")).toBe(false);
  });

  test("stays pending without the proof, whatever else is there", async () => {
    const [claim] = (await claims(news, "news")).filter(({ name }) => name === "dev.shop.test");
    const challenge = `_turnpike-challenge.dev.shop.test ${TYPE.TXT}`;
    resolver.table.set(challenge, ["turnpike-0123", ` ${claim!.proofs[0]!.txt.value}`]);
    delegate("dev.shop.test", ["ns1-shop.cdn.example", "ns1-news.cdn.example"]);
    const { status, body } = await check(news, "news", "dev.shop.test");
    expect([status, body.state]).toEqual([200, "pending"]);
    expect(body.problem).toContain(
      "and NS ns1-shop.cdn.example, ns1-news.cdn.example at the parent",
    );
    // Servers of nobody here prove nothing.
    delegate("dev.shop.test", ["ns1.elsewhere.example"]);
    expect((await check(news, "news", "dev.shop.test")).body.state).toBe("pending");
    expect(zonesNow()).not.toContain("dev.shop.test news");
  });

  test("is served beside the other's once its TXT is seen", async () => {
    const [claim] = (await claims(news, "news")).filter(({ name }) => name === "dev.shop.test");
    const { name, value } = claim!.proofs[0]!.txt;
    resolver.table.set(`${name} ${TYPE.TXT}`, ["other", value]);
    expect((await check(news, "news", "dev.shop.test")).body.state).toBe("proven");
    expect(zonesNow()).toContain("dev.shop.test news");
    expect(zonesNow()).toContain("shop.test shop");
    // It is theirs now: changes need no new proof, and it is nobody else's.
    const again = await putZone(news, "news", "dev.shop.test", { records: [] });
    expect([again.body.pending, again.body.snapshot === null]).toEqual([undefined, false]);
    expect((await putZone(shop, "shop", "dev.shop.test")).body.pending?.state).toBe("pending");
    const mine = await claims(shop, "shop");
    expect(mine.map((one) => one.proofs[0]?.txt.value)).not.toContain(value);
  });

  test("of the very same name takes it over, and who had it must prove it in turn", async () => {
    delegate("shop.test", ["ns1-news.cdn.example", "ns.elsewhere.example"]);
    expect((await check(news, "news", "shop.test")).body.state).toBe("proven");
    expect(zonesNow()).toContain("shop.test news");
    expect(zonesNow()).not.toContain("shop.test shop");
    const lost = (await claims(shop, "shop")).find(({ name }) => name === "shop.test");
    expect(lost?.problem).toContain("another customer");
    expect(lost?.proofs[0]?.ns).toEqual(["ns1-shop.cdn.example"]);
    expect((await check(shop, "shop", "shop.test")).body.state).toBe("pending");
    delegate("shop.test", ["ns1-shop.cdn.example"]);
    expect((await check(shop, "shop", "shop.test")).body.state).toBe("proven");
    expect(zonesNow()).toContain("shop.test shop");
  });

  test("that another customer gave up is pending too, under other name servers", async () => {
    await putZone(shop, "shop", "left.test");
    await world.call("DELETE", "/customers/shop/zones/left.test", { headers: shop });
    const { body } = await putZone(news, "news", "left.test");
    expect(body.pending?.proofs[0]?.ns).toEqual(["ns1-news.cdn.example"]);
    // The old delegation is no proof for the new customer, and still one for the former.
    delegate("left.test", ["ns1-shop.cdn.example"]);
    expect((await check(news, "news", "left.test")).body.state).toBe("pending");
    const back = await putZone(shop, "shop", "left.test");
    expect(back.body.pending).toBeUndefined();
    expect(zonesNow()).toContain("left.test shop");
  });
});

test("claims survive a restart, are looked at by themselves, and end after 30 days", async () => {
  await putZone(news, "news", "auto.shop.test");
  const [claim] = (await claims(news, "news")).filter(({ name }) => name === "auto.shop.test");
  await world.restart();
  expect(await claims(news, "news")).toContainEqual(claim!);
  world.clock.advance(31 * 86_400_000);
  const after = {
    headers: await world.token({ email: "news@news.example", password: "news-secret" }),
  };
  const { name, value } = claim!.proofs[0]!.txt;
  resolver.table.set(`${name} ${TYPE.TXT}`, [value]);
  await world.control.sweepClaims();
  const left = await world.call<ClaimView[]>("GET", "/customers/news/claims", after);
  expect(left.body).toEqual([]);
});

test("another customer's claims are not found, and too many are refused", async () => {
  const who = await world.token({ email: "news@news.example", password: "news-secret" });
  const { status } = await world.call("GET", "/customers/shop/claims", { headers: who });
  expect(status).toBe(404);
  for (let i = 0; i < 30; i++) await putZone(who, "news", `n${i}.shop.test`);
  const over = await putZone(who, "news", "over.shop.test");
  expect([over.status, over.body.problems[0]?.message]).toEqual([
    422,
    "expected at most 30 names that wait for a proof",
  ]);
  // The first that is proven is served without anybody asking.
  const first = (await world.call<ClaimView[]>("GET", "/customers/news/claims", { headers: who }))
    .body[0]!;
  const { name, value } = first.proofs[0]!.txt;
  resolver.table.set(`${name} ${TYPE.TXT}`, [value]);
  await world.control.sweepClaims();
  expect(zonesNow()).toContain(`${first.name} news`);
});
