import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { healthOf, Stage, type StageOrigin, snapshotOf, startOrigin, ZONE } from "./edge-stage.ts";

const SHOP = "www.shop.example";
const NEWS = "www.news.example";
const LOGO = `http://${SHOP}.${ZONE}/logo.png`;

/** What the customers' servers say, by path. Bytes name the customer's server and the version. */
const version = 1;
const gate = { open: Promise.resolve() };

function answer(
  request: Request,
  origin: { readonly address: string },
): Response | Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const host = request.headers.get("host") ?? "";
  const tag = `"v${version}"`;
  const fields: Record<string, string> = { etag: tag, date: searchParams.get("date") ?? "" };
  if (fields.date === "") delete fields.date;
  const control = searchParams.get("cc");
  if (control !== "none") fields["cache-control"] = control ?? "max-age=60";
  if (searchParams.has("cookie")) fields["set-cookie"] = "id=1";
  if (searchParams.has("vary")) fields.vary = searchParams.get("vary")!;
  fields["content-type"] = pathname.endsWith(".html") ? "text/html" : "image/png";
  const status = Number(searchParams.get("status") ?? 200);
  if (request.headers.get("if-none-match") === tag)
    return new Response(null, { status: 304, headers: fields });
  const size = Number(searchParams.get("size") ?? 0);
  const words = `${host} ${pathname} v${version} of ${origin.address.slice(0, 6)}`;
  const seen = ["accept-encoding", "cookie", "authorization", "x-forwarded-host", "user-agent"]
    .map((name) => `${name}=${request.headers.get(name)}`)
    .join(" ");
  const body = searchParams.has("echo") ? seen : size > 0 ? words.padEnd(size, ".") : words;
  return gate.open.then(() => new Response(body, { status, headers: fields }));
}

let origins: StageOrigin[];
let news: StageOrigin;
let stage: Stage;

beforeAll(async () => {
  const first = startOrigin("127.81.0.1", 0, answer);
  const { port } = first;
  origins = [
    first,
    startOrigin("127.81.0.2", port, answer),
    startOrigin("127.81.0.3", port, answer),
  ];
  news = startOrigin("127.81.1.1", port, answer);
  const snapshot = snapshotOf([
    {
      customer: "shop",
      hostname: SHOP,
      port,
      origins: origins.map((o, i) => ({ name: `o${i + 1}`, v4: o.address, port })),
      aliases: ["static.shop.example"],
    },
    {
      customer: "news",
      hostname: NEWS,
      port,
      front: "caches",
      origins: [{ name: "o1", v4: news.address, port }],
    },
  ]);
  stage = new Stage(snapshot, "127.81.9.1");
  await stage.start();
});

afterAll(async () => {
  await stage.stop();
  await Promise.all([...origins, news].map((origin) => origin.stop()));
});

beforeEach(() => {
  for (const origin of [...origins, news]) origin.log.length = 0;
  stage.health = healthOf({ [`${SHOP}/o1`]: 0.5, [`${SHOP}/o2`]: 0.1, [`${SHOP}/o3`]: 0.9 });
});

const asked = () => origins.map((origin) => origin.log.length);

describe("a static object at a second address", () => {
  test("is fetched once from the least-loaded origin and then served from memory", async () => {
    const first = await stage.get(LOGO);
    expect(first.status).toBe(200);
    expect(first.headers.get("cache-status")).toBe("edge-1; fwd=uri-miss; fwd-status=200; stored");
    expect(first.headers.get("age")).toBeNull();
    expect(asked()).toEqual([0, 1, 0]);
    const sent = origins[1]!.log[0]!;
    expect(sent.headers.get("host")).toBe(`${SHOP}:${origins[1]!.port}`);
    expect(sent.headers.get("via")).toBe("1.1 edge-1");
    expect(sent.headers.get("cdn-loop")).toBe(ZONE);
    expect(sent.headers.get("x-forwarded-for")).toStartWith("127.");
    stage.clock.advance(7_000);
    for (let i = 0; i < 3; i++) {
      const hit = await stage.get(LOGO);
      expect(hit.text).toBe(first.text);
      expect(hit.headers.get("age")).toBe("7");
      expect(hit.headers.get("cache-status")).toBe("edge-1; hit; ttl=53");
      expect(hit.headers.get("content-length")).toBe(String(first.body.length));
      expect(hit.headers.get("date")).toBe(first.headers.get("date"));
    }
    expect(asked()).toEqual([0, 1, 0]);
  });

  test("is the same object by host form, path form and alias", async () => {
    const path = `http://c.${ZONE}/${SHOP}/logo.png`;
    const reply = await stage.get(path);
    expect(reply.headers.get("cache-status")).toStartWith("edge-1; hit");
    expect(reply.headers.get("link")).toBe(
      `<http://${SHOP}:${origins[0]!.port}/logo.png>; rel="canonical"`,
    );
    expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
    const alias = await stage.get("http://static.shop.example/logo.png");
    expect(alias.text).toBe(reply.text);
    expect(asked()).toEqual([0, 0, 0]);
  });
});
