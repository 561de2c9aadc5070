import { expect, test } from "bun:test";
import { Content, LAST_MODIFIED, linksOf } from "./page.ts";
import { WebServer } from "./web.ts";

const HOST = "www.shop.example";

async function withServer(run: (server: WebServer, url: string) => Promise<void>): Promise<void> {
  const server = new WebServer({
    name: "fra",
    address: "127.0.0.1",
    port: 0,
    zone: "cdn.example",
    sites: new Map([[HOST, new Content(HOST)]]),
  });
  server.start();
  try {
    await run(server, `http://127.0.0.1:${server.port}`);
  } finally {
    await server.stop();
  }
}

test("A page names its images at the second address in both forms", async () => {
  await withServer(async (_, url) => {
    const answer = await fetch(`${url}/`, { headers: { host: HOST } });
    const links = linksOf(await answer.text());
    expect(links).toContain("http://c.cdn.example:0/www.shop.example/img/logo.svg");
    expect(links).toContain("http://www.shop.example.cdn.example:0/img/banner.svg");
  });
});

test("An object has validators and is answered 304 to its own ETag", async () => {
  await withServer(async (_, url) => {
    const first = await fetch(`${url}/img/a.bin`, { headers: { host: HOST } });
    expect(first.headers.get("last-modified")).toBe(LAST_MODIFIED);
    const etag = first.headers.get("etag")!;
    const second = await fetch(`${url}/img/a.bin`, {
      headers: { host: HOST, "if-none-match": etag },
    });
    expect([first.status, second.status]).toEqual([200, 304]);
  });
});

test("Two sites have other bytes at one path, two mirrors the same", () => {
  const shop = new Content(HOST).get("/img/a.bin")!;
  const mirror = new Content(HOST).get("/img/a.bin")!;
  const news = new Content("www.news.example").get("/img/a.bin")!;
  expect(shop.etag).toBe(mirror.etag);
  expect(shop.etag).not.toBe(news.etag);
});

test("The access log names client, host and path, and leaves health checks out of visits", async () => {
  await withServer(async (server, url) => {
    await fetch(`${url}/health`);
    await fetch(`${url}/img/a.bin`, { headers: { host: `${HOST}:8080` } });
    expect(server.visits()).toMatchObject([
      { client: "127.0.0.1", host: HOST, path: "/img/a.bin" },
    ]);
  });
});

test("A host that is not of its sites is answered 421", async () => {
  await withServer(async (_, url) => {
    const answer = await fetch(`${url}/`, { headers: { host: "www.news.example" } });
    expect(answer.status).toBe(421);
  });
});

test("A stopped server refuses and a started one answers again", async () => {
  await withServer(async (server, url) => {
    await server.stop();
    expect(fetch(`${url}/health`)).rejects.toThrow();
    server.start();
    expect((await fetch(`http://127.0.0.1:${server.port}/health`)).status).toBe(200);
  });
});
