import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect as connectTcp } from "node:net";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { canaries, OTHERS, STANDING_IN, UNDERSCORED } from "../lab/client-fields.ts";
import { ZONE } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";
import { EdgeWorld, LOGO, NEWS, SHOP } from "./edge-world.ts";

const w = new EdgeWorld("127.86");
const ways = new TwoWays(() => w.stage);
beforeAll(() => w.start({ tls: selfSigned([ZONE], new Date()) }));
afterAll(async () => {
  ways.close();
  await w.stop();
});
beforeEach(() => w.calm());

for (const [via, get] of ways.both) {
  const n = via.replace(/\D/g, "");

  describe(`customers and their users over ${via}`, () => {
    test("two customers at one shared name get each its own bytes", async () => {
      const [shop, other] = await Promise.all([
        get(`http://c.${ZONE}/${SHOP}/${n}/logo.png`),
        get(`http://c.${ZONE}/${NEWS}/${n}/logo.png`),
      ]);
      expect(shop.text).toStartWith(`${SHOP}:`);
      expect(other.text).toStartWith(`${NEWS}:`);
    });

    test("a host is one host however it is written: for key, web server and bill (H6)", async () => {
      const url = `http://${NEWS}/${n}/h6`;
      const before = w.stage.usageOf("news", NEWS).requests;
      await get(url);
      const odd = `${NEWS.toUpperCase()}.:8080`;
      const fields: Record<string, string> = n === "2" ? { ":authority": odd } : { host: odd };
      const said = await get(url, { fields });
      expect(said.headers.get("cache-status")).toStartWith("edge-1; hit");
      expect((await get(`${url}-other`, { fields })).status).toBe(200);
      const hosts = w.news.log.map(({ headers }) => headers.get("host")!.split(":")[0]);
      expect(hosts).toEqual([NEWS, NEWS]);
      expect(w.stage.usageOf("news", NEWS).requests - before).toBe(3);
    });

    test("cookies and credentials stay away from shared names, in both directions (H25)", async () => {
      const fields = {
        cookie: "id=1",
        authorization: "Basic eDp5",
        "x-forwarded-host": "evil.example",
      };
      const reply = await get(`http://c.${ZONE}/${NEWS}/${n}/h25.html?echo=1&cookie=1`, { fields });
      expect(reply.text).toContain("cookie=null authorization=null x-forwarded-host=null");
      expect(reply.headers.get("set-cookie")).toBeNull();
      expect(reply.headers.get("content-security-policy")).toBe("sandbox");
      expect((await get(`http://c.${ZONE}/${NEWS}/${n}/h25.html`, { method: "POST" })).status).toBe(
        405,
      );
    });

    test("a client's words do not come back to the next client from a second address (H8)", async () => {
      const own = ["authorization", "cookie", "if-match"];
      for (const [i, names] of [STANDING_IN, [...OTHERS, ...own], UNDERSCORED].entries()) {
        // The listener takes 16 KB of fields.
        for (let from = 0; from < names.length; from += 80) {
          const url = `http://${SHOP}.${ZONE}/${n}/h8-${i}-${from}.png?all=1`;
          const fields = canaries(names.slice(from, from + 80));
          expect((await get(url, { fields })).text).not.toContain("canary");
          const clean = await get(url);
          expect(clean.headers.get("cache-status")).toStartWith("edge-1; hit");
          expect(clean.text + clean.headers.get("x-all")).not.toContain("canary");
        }
      }
    });

    test("what one web origin is allowed is not told to another", async () => {
      const url = `http://${SHOP}.${ZONE}/${n}/font.woff2?cors=1`;
      const allowed = async (origin: string) =>
        (await get(url, { fields: { origin } })).headers.get("access-control-allow-origin");
      expect(await allowed("https://a.example")).toBe("https://a.example");
      expect(await allowed("https://b.example")).toBe("https://b.example");
      expect(await allowed("https://a.example")).toBe("https://a.example");
      expect(w.asked().reduce((a, b) => a + b)).toBe(2);
    });

    test("what was fetched with credentials is stored only when said to be public (H11)", async () => {
      const url = `http://${NEWS}/${n}/account`;
      const alice = await get(`${url}?echo=1`, { fields: { authorization: "Basic YQ==" } });
      const bob = await get(`${url}?echo=1`, { fields: { authorization: "Basic Yg==" } });
      expect(alice.text).not.toBe(bob.text);
      const shared = `${url}?cc=public,max-age=60`;
      await get(shared, { fields: { authorization: "Basic YQ==" } });
      expect((await get(shared)).headers.get("cache-status")).toStartWith("edge-1; hit");
    });

    test("a site in front of which caches stand takes every method, and a change purges", async () => {
      const url = `http://${NEWS}/${n}/item`;
      await get(url);
      const posted = await get(url, { method: "POST", body: "x=1" });
      expect(posted.status).toBe(200);
      expect(posted.headers.get("cache-status")).toContain("fwd=method");
      expect((await get(url)).headers.get("cache-status")).toContain("fwd=uri-miss");
      expect(w.news.log.map((r) => r.method)).toEqual(["GET", "POST", "GET"]);
    });
  });
}

/** Sends bytes as they are; resolves with all that came back. */
function raw(text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connectTcp(w.stage.edge.httpPort, w.stage.address, () => socket.write(text));
  let got = "";
  socket.on("data", (data) => {
    got += data.toString("latin1");
  });
  socket.on("error", () => resolve(got));
  socket.on("close", () => resolve(got));
  return promise;
}

describe("hosts and methods", () => {
  const end = "\r\nConnection: close\r\n\r\n";
  const host = `${SHOP}.${ZONE}`;
  const cases: readonly (readonly [string, string, number])[] = [
    ["two Host fields", `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}`, 400],
    ["two hosts in one field", `GET / HTTP/1.1\r\nHost: ${host}, ${host}`, 400],
    ["no host", "GET / HTTP/1.0", 400],
    ["user information", `GET / HTTP/1.1\r\nHost: a.com:80@${host}`, 400],
    ["an IPv6 literal", "GET / HTTP/1.1\r\nHost: [::1]", 400],
    ["a fragment", `GET /a#b HTTP/1.1\r\nHost: ${host}`, 400],
    ["a host of nobody here", "GET / HTTP/1.1\r\nHost: nobody.example", 421],
    ["a first address that caches do not front", `GET / HTTP/1.1\r\nHost: ${SHOP}`, 421],
    ["a path that names no site", `GET /nobody.example/x HTTP/1.1\r\nHost: c.${ZONE}`, 404],
    ["case, port and final dot", `GET /logo.png HTTP/1.1\r\nHost: ${host.toUpperCase()}.:80`, 200],
    ["PURGE", `PURGE /logo.png HTTP/1.1\r\nHost: ${host}`, 405],
    ["TRACE", `TRACE /logo.png HTTP/1.1\r\nHost: ${host}`, 405],
    ["CONNECT", `CONNECT ${host}:80 HTTP/1.1\r\nHost: ${host}`, 400],
    ["a loop", `GET /loop HTTP/1.1\r\nHost: ${host}\r\nCDN-Loop: other, ${ZONE}; x=1`, 508],
  ];
  for (const [what, head, status] of cases) {
    test(`${what}: ${status} (H6, H13, H21)`, async () => {
      expect((await raw(head + end)).slice(9, 12)).toBe(String(status));
    });
  }

  test("a PURGE from outside has no effect", async () => {
    expect((await w.stage.get(LOGO)).headers.get("cache-status")).toStartWith("edge-1;");
    await raw(`PURGE /logo.png HTTP/1.1\r\nHost: ${host}${end}`);
    expect((await w.stage.get(LOGO)).headers.get("cache-status")).toStartWith("edge-1; hit");
  });

  test("the health path answers whatever the host is", async () => {
    const reply = await w.stage.get("http://192.0.2.1/.well-known/turnpike/health");
    expect([reply.status, reply.text]).toEqual([200, "ok"]);
  });
});
