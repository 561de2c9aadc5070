// A hostname goes from one customer to another: nothing of the one's reaches the other.
import { afterEach, expect, test } from "bun:test";
import { request as httpAsk, get as httpGet } from "node:http";
import { type Answer, Stage, snapshotOf, startOrigin, until } from "./edge-stage.ts";

const NET = "127.66.43";
const SHOP = "www.shop.example";
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Line {
  readonly customer: string;
  readonly path: string;
}

/** A site of `old`'s, which becomes `next`'s by `move()`; each has an origin of its own. */
async function world(host: string, answers: { readonly old: Answer; readonly next: Answer }) {
  const lines: Line[] = [];
  const origins = {
    old: startOrigin(`${NET}.1`, 0, answers.old),
    next: startOrigin(`${NET}.2`, 0, answers.next),
  };
  const at = (customer: "old" | "next", number: number) => {
    const { address: v4, port } = origins[customer];
    const site = { hostname: SHOP, customer, port, front: "caches" as const };
    return snapshotOf([{ ...site, origins: [{ name: "o1", v4, port }] }], number);
  };
  const stage = new Stage(at("old", 1), `${NET}.${host}`);
  const add = (line: string) => void lines.push(JSON.parse(line) as Line);
  await stage.start({ access: { format: "json", each: 1, add } });
  ends.push(() => Promise.all([origins.old.stop(), origins.next.stop()]));
  ends.push(() => stage.stop());
  const get = (path: string, fields: Record<string, string> = {}, method = "GET") =>
    stage.get(`http://${SHOP}${path}`, fields, method);
  return { stage, origins, lines, get, move: () => stage.publish(at("next", 2)) };
}

const CACHED = { "cache-control": "max-age=600", "cache-groups": '"a"', "surrogate-key": "t" };

test("objects, private keys, purges and groups of the one are nothing to the other", async () => {
  const by =
    (who: string): Answer =>
    (request) => {
      const { pathname } = new URL(request.url);
      const end = { "cache-group-invalidation": '"a"' };
      if (request.method === "POST") return new Response(who, { headers: end });
      const own = who === "old" && pathname === "/own";
      return new Response(who, { headers: own ? { "cache-control": "private" } : CACHED });
    };
  const { stage, get, move } = await world("9", { old: by("old"), next: by("next") });
  const hit = (said: { readonly headers: Headers }) =>
    said.headers.get("cache-status")?.includes("; hit") ?? false;
  for (const path of ["/a", "/own"]) expect((await get(path)).text).toBe("old");
  expect(hit(await get("/a"))).toBe(true);
  move();
  for (const path of ["/a", "/own"]) {
    const first = await get(path);
    expect([path, first.text, hit(first)]).toEqual([path, "next", false]);
    expect([path, hit(await get(path))]).toEqual([path, true]);
  }
  await stage.purge("old", SHOP, "/a");
  await stage.purge("old", SHOP, "t", { scope: "tag" });
  await stage.purge("old", SHOP, "/", { scope: "site" });
  expect([hit(await get("/a")), hit(await get("/own"))]).toEqual([true, true]);
  await stage.purge("next", SHOP, "t", { scope: "tag" });
  expect(hit(await get("/a"))).toBe(false);
});

test("who asked the one and is answered when the other has the name is in the one's log", async () => {
  const gate = Promise.withResolvers<void>();
  const old: Answer = () => {
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("first"));
        await gate.promise;
        controller.enqueue(new TextEncoder().encode(", last"));
        controller.close();
      },
    });
    return new Response(body, { headers: { "cache-control": "no-store" } });
  };
  const { stage, origins, lines, get, move } = await world("10", {
    old,
    next: () => new Response("n"),
  });
  const told: string[] = [];
  stage.bus.subscribe("log.told", (said) => {
    told.push(...said.lines.map((line) => `${said.customer} ${line}`));
  });
  const { address, edge } = stage;
  let text = "";
  let over = false;
  const headers = { host: SHOP };
  httpGet({ host: address, port: edge.httpPort, path: "/slow", headers }, (response) => {
    response.on("data", (part: Buffer) => {
      text += part.toString();
    });
    response.on("end", () => {
      over = true;
    });
  });
  await until(() => text === "first" && origins.old.log.length === 1);
  move();
  stage.bus.publish("log.tail", { customer: "next", site: SHOP, forMs: 60_000 });
  gate.resolve();
  await until(() => over);
  await get("/fast");
  await until(() => lines.length === 2);
  expect(lines.map(({ customer, path }) => `${customer} ${path}`)).toEqual([
    ...["old /slow", "next /fast"],
  ]);
  await until(() => told.length > 0);
  expect(told.some((line) => line.includes("/slow"))).toBe(false);
});

test("what waits while other sites come before its own in the list is sent to its own servers", async () => {
  const shop = startOrigin(`${NET}.3`, 0, async (request) => new Response(await request.text()));
  const news = startOrigin(`${NET}.4`, shop.port, () => new Response("news"));
  ends.push(() => Promise.all([shop.stop(), news.stop()]));
  const siteOf = (customer: string, hostname: string, { address: v4, port }: typeof shop) => {
    const origins = [{ name: "o1", v4, port }];
    return { hostname, customer, port, front: "caches" as const, origins };
  };
  const own = siteOf("shop", SHOP, shop);
  const other = siteOf("news", "www.news.example", news);
  const stage = new Stage(snapshotOf([own], 1), `${NET}.11`);
  await stage.start();
  ends.push(() => stage.stop());
  const order = Promise.withResolvers<string>();
  const { address: host, edge } = stage;
  const headers = { host: SHOP, "content-length": 8, cookie: "sid=1" };
  const more = { method: "POST", path: "/order", headers, agent: false };
  const sent = httpAsk({ host, port: edge.httpPort, ...more }, (response) => {
    let text = "";
    response.on("data", (part: Buffer) => {
      text += part.toString();
    });
    response.on("end", () => order.resolve(text));
  });
  sent.write("half");
  // Answered behind it, so it has been taken in by then.
  expect((await stage.get(`http://${SHOP}/`)).status).toBe(200);
  stage.publish(snapshotOf([other, own], 2));
  sent.end("left");
  expect(await order.promise).toBe("halfleft");
  expect(shop.log.map(({ method }) => method)).toContain("POST");
  expect(news.log).toEqual([]);
});
