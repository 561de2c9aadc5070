// http and https of one URL are one object, unless a rule or the server's Vary keeps them apart; a redirect from one
// to the other is never held, and a purge reaches both. A purge while a site's rules cannot be used reaches all forms of its path.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { Stage, snapshotOf, startOrigin, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const SHOP = "www.shop.example";
let stage: Stage;
const ways = new TwoWays(() => stage);
let number = 0;

const origin = startOrigin("127.65.7.1", 0, (request) => {
  const { pathname, search, searchParams } = new URL(request.url);
  const proto = request.headers.get("x-forwarded-proto");
  const kept = { "cache-control": "max-age=600" };
  if (pathname.endsWith("/moved") && proto === "http") {
    const location = `https://${SHOP}${pathname}${search}`;
    return new Response(null, { status: 301, headers: { ...kept, location } });
  }
  if (request.method === "POST") {
    const [name = "", value = ""] = (searchParams.get("says") ?? "").split("=");
    return new Response("done", { status: 201, headers: { [name]: value } });
  }
  const vary = searchParams.get("vary");
  const headers = vary === null ? kept : { ...kept, vary };
  return new Response(`${proto} ${++number}`, { headers });
});

const RULES = [
  { name: "apart", match: { path: ["/apart/*"] }, key: { scheme: true } },
  { name: "listed", match: { path: ["/listed/*"] }, key: { query: { only: ["v", "w"] } } },
];

beforeAll(async () => {
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: SHOP, customer: "shop", port: origin.port, front: "caches" as const };
  stage = new Stage(snapshotOf([{ ...site, origins, rules: RULES }]), "127.65.7.9");
  await stage.start({ tls: selfSigned([SHOP], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.log.length = 0;
});

const plain = (path: string) => ways.http1(`http://${SHOP}${path}`);
const secure = (path: string) => ways.http2(`https://${SHOP}${path}`);

describe("http and https", () => {
  test("of one URL are one object", async () => {
    const first = await secure("/a");
    expect((await plain("/a")).text).toBe(first.text);
    expect(origin.log.length).toBe(1);
  });

  test("are kept apart by a rule, and a purge of the URL reaches both", async () => {
    const [http, https] = [await plain("/apart/a"), await secure("/apart/a")];
    expect([http.text, https.text].map((text) => text.split(" ")[0])).toEqual(["http", "https"]);
    for (const [get, said] of [[plain, http] as const, [secure, https] as const]) {
      for (let i = 0; i < 2; i++) expect((await get("/apart/a")).text).toBe(said.text);
    }
    expect(origin.log.length).toBe(2);
    await stage.purge("shop", SHOP, "/apart/a");
    expect((await plain("/apart/a")).text).not.toBe(http.text);
    expect((await secure("/apart/a")).text).not.toBe(https.text);
  });

  test("are kept apart where the web server says that its answer varies by what it is told of them", async () => {
    const path = "/vary?vary=X-Forwarded-Proto";
    for (let i = 0; i < 3; i++) {
      expect((await plain(path)).text).toStartWith("http ");
      expect((await secure(path)).text).toStartWith("https ");
      // A client's own word of it is nobody's.
      const said = await ways.http1(`http://${SHOP}${path}`, {
        fields: { "x-forwarded-proto": "https" },
      });
      expect(said.text).toStartWith("http ");
    }
    expect(origin.log.length).toBe(2);
  });

  for (const [path, later] of [
    ["/moved", 200],
    ["/apart/moved", 301],
  ] as const) {
    test(`a web server's redirect of ${path} from http to https ends there, whoever came first`, async () => {
      const http = await plain(`${path}?a=1`);
      const location = `https://${SHOP}${path}?a=1`;
      expect([http.status, http.headers.get("location")]).toEqual([301, location]);
      for (let i = 0; i < 3; i++) {
        expect((await secure(`${path}?a=1`)).status).toBe(200);
        // What is held by then is for both, where they are not kept apart.
        expect((await plain(`${path}?a=1`)).status).toBe(later);
      }
    });
  }

  test("asked for together, nobody who comes by https is sent in a circle", async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const by = i % 2 === 0 ? "http" : "https";
        return [by, await (by === "http" ? plain : secure)("/moved?at=once")] as const;
      }),
    );
    for (const [by, { status }] of all) {
      if (by === "https") expect(status).toBe(200);
      else expect([200, 301]).toContain(status);
    }
    for (let i = 0; i < 3; i++) expect((await secure("/moved?at=once")).status).toBe(200);
  });
});

describe("what an unsafe method says that it changed", () => {
  const own = { http: `http://${SHOP}`, https: `https://${SHOP}` };
  const atServer = `http://${SHOP}:${origin.port}`;
  for (const scheme of ["http", "https"] as const) {
    const other = own[scheme === "http" ? "https" : "http"];
    const get = scheme === "http" ? ways.http1 : ways.http2;
    for (const name of ["location", "content-location"]) {
      test(`by ${name} of the origin asked for by ${scheme} is not served from before (RFC 9111 4.4)`, async () => {
        const item = `/items/${scheme}-${name}`;
        for (const [named, ends] of [
          [own[scheme], true],
          [atServer, true],
          ["", true],
          [other, false],
          [`${own[scheme]}:81`, false],
          ["https://www.else.example", false],
        ] as const) {
          const before = await get(own[scheme] + item);
          expect((await get(own[scheme] + item)).text).toBe(before.text);
          const says = encodeURIComponent(`${name}=${named}${item}`);
          await get(`${own[scheme]}/items?says=${says}`, { method: "POST", body: "x" });
          const after = await get(own[scheme] + item);
          expect([named, after.text !== before.text]).toEqual([named, ends]);
        }
      });
    }
  }
});

test("a purge while a site's rules cannot be used reaches what is held under keys that they made", async () => {
  const kept = await plain("/listed/a?v=1&w=2&utm=x");
  const bare = await plain("/listed/a");
  const other = await plain("/listed/ab?v=1");
  expect((await plain("/listed/a?w=2&v=1")).text).toBe(kept.text);
  const good = stage.snapshot;
  const broken = good.sites.map((site) => ({ ...site, rules: [null] }));
  stage.publish({ ...good, sites: broken } as unknown as Snapshot);
  await until(() => stage.snapshot !== good);
  expect((await plain("/listed/a?v=1&w=2&utm=x")).status).toBeGreaterThanOrEqual(500);
  await stage.purge("shop", SHOP, "/listed/a?v=1&w=2&utm=y");
  stage.publish(good);
  expect((await plain("/listed/a?v=1&w=2&utm=x")).text).not.toBe(kept.text);
  expect((await plain("/listed/a")).text).not.toBe(bare.text);
  expect((await plain("/listed/ab?v=1")).text).toBe(other.text);
});
