// A name that a customer gave up, and that DNS somewhere may still point with, is nobody else's: its
// target is never given again, and no cache serves its host to who has not shown that it is theirs (T6).
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import { TableResolver } from "../../src/control/resolver.fake.ts";
import type { DnsServer } from "../../src/dns/mod.ts";
import type { ClaimView } from "../../src/model/api/mod.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { type Message, RCODE, TYPE } from "../../src/wire/dns/mod.ts";
import { addressesOf, askUdp, clean, HandFeed, query, startServer } from "./dns-stage.ts";
import { healthOf, Stage, ZONE } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

setDefaultTimeout(30_000);

const HOST = "www.shop.example";
const ALIAS = "img.shop.example";

const resolver = new TableResolver();
let world: ControlWorld;
let stage: Stage;
let dns: DnsServer;
let shop: Record<string, string>;
let news: Record<string, string>;
const ways = new TwoWays(() => stage);

beforeAll(async () => {
  world = await startControlWorld({ resolver });
  const headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
  shop = await world.token({ email: "shop@shop.example", password: "shop-secret" });
  news = await world.token({ email: "news@news.example", password: "news-secret" });
  stage = new Stage(now(), "127.75.9.2");
  await stage.start({ tls: selfSigned([HOST], new Date()) });
  const feed = new HandFeed(now(), healthOf({}));
  dns = await startServer({}, { feed });
  world.bus.subscribe("snapshot.published", ({ snapshot }) => {
    stage.publish(snapshot);
    feed.publish(snapshot);
  });
});
afterAll(async () => {
  ways.close();
  await clean();
  await stage.stop();
  await world.stop();
});

const now = (): Snapshot => world.published.at(-1)!;
const site = () => now().sites.find((one) => one.hostname === HOST);

type Changed = { readonly pending?: ClaimView; readonly snapshot: number | null };
const putSite = (headers: Record<string, string>, customer: string, hostname: string, body = {}) =>
  world.call<Changed>("PUT", `/customers/${customer}/sites/${hostname}`, {
    headers,
    body: { port: 9, origins: [{ name: "a", v4: "127.0.2.1" }], ...body },
  });
const dropSite = (headers: Record<string, string>, customer: string) =>
  world.call("DELETE", `/customers/${customer}/sites/${HOST}`, { headers });

const lookUp = (target: string) => askUdp(dns.port, query(`${target}.gtm.${ZONE}`, null, TYPE.A));

/** The name server has the news: its threads are told by messages. */
async function newsOf(target: string, holds: (reply: Message) => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds(await lookUp(target))) {
    expect(performance.now()).toBeLessThan(end);
    await Bun.sleep(20);
  }
}

/** What DNS says of a target, and both protocols of the names that lead to a cache. */
async function seen(target: string) {
  const reply = await lookUp(target);
  const statuses: number[] = [];
  for (const [, get] of ways.both) {
    for (const url of [
      `http://${HOST}.${ZONE}/x`,
      `http://c.${ZONE}/${HOST}/x`,
      `http://${ALIAS}/x`,
    ]) {
      statuses.push((await get(url)).status);
    }
  }
  return { rcode: reply.rcode, addresses: addressesOf(reply), statuses };
}

const GONE = { rcode: RCODE.NXDOMAIN, addresses: [], statuses: [421, 404, 421, 421, 404, 421] };

describe("a hostname that its customer gave up", () => {
  test("has a random target of 128 bits, which leads nowhere from then on", async () => {
    await putSite(shop, "shop", HOST, { cache: { aliases: [ALIAS] } });
    const first = site()!.target;
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    // Its web server is not there: what is asked for is refused by it and not by us.
    const served = await seen(first);
    expect(served.addresses).toEqual(["127.0.2.1"]);
    expect(new Set(served.statuses)).toEqual(new Set([502]));
    expect((await dropSite(shop, "shop")).status).toBe(200);
    await newsOf(first, (reply) => reply.rcode === RCODE.NXDOMAIN);
    expect(await seen(first)).toEqual(GONE);
  });

  test("is nobody else's until they show that it is theirs, nor are its aliases", async () => {
    const [former] = targetsEver();
    const asked = await putSite(news, "news", HOST);
    expect([asked.body.pending?.state, asked.body.snapshot]).toEqual(["pending", null]);
    const alias = await putSite(news, "news", "www.news.example", { cache: { aliases: [ALIAS] } });
    expect(alias.body.pending?.proofs.map((proof) => proof.name)).toEqual([ALIAS]);
    expect(await seen(former!)).toEqual(GONE);
  });

  test("gets another target each time it comes back, to whomever, and after a restart too", async () => {
    for (let i = 0; i < 20; i++) {
      if (i === 10) await world.restart();
      await putSite(shop, "shop", HOST);
      expect(site()?.customer).toBe("shop");
      await dropSite(shop, "shop");
    }
    const path = `/customers/news/claims/${HOST}`;
    const [claim] = (
      await world.call<ClaimView[]>("GET", "/customers/news/claims", { headers: news })
    ).body.filter((one) => one.name === HOST);
    const { name, value } = claim!.proofs[0]!.txt;
    resolver.table.set(`${name} ${TYPE.TXT}`, [value]);
    await world.call("POST", `${path}/check`, { headers: news });
    expect(site()?.customer).toBe("news");
    const all = targetsEver();
    expect([all.length, new Set(all).size]).toEqual([22, 22]);
    const last = all.at(-1)!;
    await newsOf(last, (reply) => addressesOf(reply).join() === "127.0.2.1");
    for (const former of all.slice(0, -1)) {
      expect((await lookUp(former)).rcode).toBe(RCODE.NXDOMAIN);
    }
  });

  test("cannot be given a target by whoever asks for it", async () => {
    const [former] = targetsEver();
    for (const body of [{ target: former }, { targets: { [HOST]: former } }]) {
      expect((await putSite(news, "news", HOST, body)).status).toBe(422);
    }
  });
});

/** Of this hostname, in the order they were given out; the network file's is the first. */
function targetsEver(): string[] {
  const targets = world.published.flatMap((one) =>
    one.sites.filter((each) => each.hostname === HOST).map((each) => each.target),
  );
  return [...new Set(targets)];
}

test("no name of the network's own zone is anybody's to take: not by an alias, nor as another's target", async () => {
  const owner = site()!;
  const put = (hostname: string, aliases: readonly string[]) =>
    putSite(shop, "shop", hostname, { cache: { aliases } });
  for (const alias of [`${HOST}.${ZONE}`, `c.${ZONE}`, `x.gtm.${ZONE}`]) {
    const { status } = await put("www.thief.example", [alias]);
    expect([alias, status]).toEqual([alias, 422]);
  }
  expect((await put(`${owner.target}.gtm`, [])).status).toBe(422);
  expect(site()).toEqual(owner);
  expect((await put("www.thief.example", [])).status).toBe(200);
});
