import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect as connectTcp, createServer, type Server } from "node:net";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { canaries, OTHERS, STANDING_IN, UNDERSCORED } from "../lab/client-fields.ts";
import { ask, Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";
import { type AskUrl, type Said, TwoWays } from "./edge-two-ways.ts";

const NET = "127.96";
const SITE = "www.bank.example";
const RAW = "www.raw.example";

let origin: StageOrigin;
let rawOrigin: Server;
/** What the raw origin says, byte for byte. */
let words = "";
let stage: Stage;
const ways = new TwoWays(() => stage);

/** Tells what it was sent, is cacheable unless told not to be, and falls for what fools servers. */
function answer(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  const fields: Record<string, string> = {
    "cache-control": searchParams.get("cc") ?? "max-age=60",
  };
  if (searchParams.has("vary")) fields.vary = searchParams.get("vary")!;
  if (searchParams.has("cookie")) fields["set-cookie"] = `id=${request.headers.get("cookie")}`;
  const tag = searchParams.get("tag");
  if (tag !== null) fields.etag = tag;
  if (tag !== null && request.headers.get("if-none-match") === tag) {
    fields["set-cookie"] = "id=secret";
    return new Response(null, { status: 304, headers: fields });
  }
  if (pathname === "/to-https") {
    const said = { ...fields, "cache-control": "max-age=600" };
    if (request.headers.get("x-forwarded-proto") === "https")
      return new Response("here", { headers: said });
    return new Response(null, {
      status: 301,
      headers: { ...said, location: `https://${SITE}/to-https` },
    });
  }
  const size = [...request.headers].reduce((sum, [n, v]) => sum + n.length + v.length, 0);
  if (size > 8_000) return new Response("too large", { status: 431, headers: fields });
  if (request.headers.has("x-bad")) return new Response("bad", { status: 400, headers: fields });
  const all = [...request.headers].map((field) => field.join("=")).join(" ");
  return new Response(`${request.method} ${pathname} ${all}`, { headers: fields });
}

beforeAll(async () => {
  origin = startOrigin(`${NET}.0.1`, 0, answer);
  const { port, address } = origin;
  rawOrigin = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(words));
  });
  await new Promise<void>((resolve) => rawOrigin.listen(port, `${NET}.0.2`, resolve));
  const bank = { hostname: SITE, customer: "bank", port, front: "caches" as const };
  const raw = { hostname: RAW, customer: "raw", port, front: "caches" as const };
  stage = new Stage(
    snapshotOf([
      { ...bank, origins: [{ name: "o1", v4: address, port }] },
      { ...raw, origins: [{ name: "o1", v4: `${NET}.0.2`, port }] },
    ]),
    `${NET}.9.1`,
  );
  await stage.start({ tls: selfSigned([SITE], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
  await new Promise((resolve) => rawOrigin.close(resolve));
});
beforeEach(() => {
  origin.log.length = 0;
});

type Ask = (path: string, fields?: Record<string, string>, method?: string) => Promise<Said>;

const by =
  (get: AskUrl): Ask =>
  (path, fields = {}, method = "GET") =>
    get(`http://${SITE}${path}`, { fields, method });
const overHttp1 = by(ways.http1);
const overHttp2 = by(ways.http2);

const hit = (said: Said) => said.headers.get("cache-status")?.includes("; hit") ?? false;

test("a web server's redirect to HTTPS is not kept for who comes by HTTPS", async () => {
  const turn = async (get: Ask) => (await get("/to-https")).status;
  expect([await turn(overHttp1), await turn(overHttp2)]).toEqual([301, 200]);
  expect((await overHttp2("/to-https")).text).toBe("here");
});

for (const [via, get] of [
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
] as const) {
  const at = (path: string) => `/${via.replace(/[^12]/g, "")}${path}`;

  describe(`over ${via}`, () => {
    test("what frameworks take for host, path, method or client is never sent on (H8)", async () => {
      for (const [i, names] of [STANDING_IN, UNDERSCORED].entries()) {
        // The listener takes 16 KB of fields.
        for (let from = 0; from < names.length; from += 80) {
          const path = at(`/h8-${i}-${from}`);
          const said = await get(path, canaries(names.slice(from, from + 80)));
          expect([said.status, said.text.match(/canary-\S*/g)]).toEqual([200, null]);
          const clean = await get(path);
          expect([hit(clean), clean.text.includes("canary")]).toEqual([true, false]);
        }
      }
    });

    test("what a web server answers by and names in Vary is part of the key (H8)", async () => {
      const path = at(`/h8v?vary=${OTHERS.join(",")}`);
      const said = await get(path, canaries(OTHERS));
      expect(OTHERS.filter((name) => !said.text.includes(`canary-${name}`))).toEqual([]);
      const clean = await get(path);
      expect([hit(clean), clean.text.includes("canary")]).toEqual([false, false]);
      expect((await get(path, canaries(OTHERS))).text).toBe(said.text);
      expect((await get(path)).text).toBe(clean.text);
      for (const name of OTHERS) {
        const one = await get(path, canaries([name]));
        expect([name, one.text.match(/canary-\S*/g)]).toEqual([name, [`canary-${name}`]]);
      }
    });

    test("every parameter is part of the key (H8)", async () => {
      await get(at("/h8p?utm_content=canary"));
      for (const query of ["", "?utm_content=", "?utm_content=canary&x", "?UTM_CONTENT=canary"]) {
        const said = await get(at(`/h8p${query}`));
        expect(hit(said)).toBe(false);
      }
    });

    test("an answer that blames one request is not the next one's, whatever it says (H9)", async () => {
      const sizes = [1_000, 9_000, 12_000];
      for (const bytes of sizes) {
        const path = at(`/h9-${bytes}`);
        const bad = await get(path, { "x-oversize": "x".repeat(bytes) });
        expect(bad.status).toBe(bytes > 8_000 ? 431 : 200);
        expect((await get(path)).status).toBe(200);
      }
      expect((await get(at("/h9"), { "x-bad": "1" })).status).toBe(400);
      expect((await get(at("/h9"))).status).toBe(200);
    });

    test("paths that look static make nothing storable that says it is private (H10)", async () => {
      const ends = ["/x.css", ";x.css", "%2fx.css", "%00.css", "%0a.css", "%23.css", "%3f.css"];
      for (const end of [...ends, "/..%2fx.css"]) {
        for (const control of ["private,max-age=60", "no-store", "max-age=60&cookie=1"]) {
          const path = at(`/me${end}?cc=${control}`);
          const alice = await get(path, { cookie: "alice" });
          const bob = await get(path, { cookie: "bob" });
          expect([hit(alice), hit(bob), bob.text.includes("alice")]).toEqual([false, false, false]);
        }
      }
    });

    test("two users with credentials at one URL never get each other's (H11)", async () => {
      for (const control of ["max-age=60", "max-age=60,must-revalidate", "max-age=60,immutable"]) {
        const path = at(`/h11?cc=${control}`);
        const [alice, bob] = await Promise.all([
          get(path, { authorization: "Basic YWxpY2U=" }),
          get(path, { authorization: "Basic Ym9i" }),
        ]);
        expect(alice.text).toContain("YWxpY2U=");
        expect(bob.text).toContain("Ym9i");
        expect((await get(path)).text).not.toContain("authorization=");
      }
    });

    test("a cookie that comes with a 304 is nobody else's (H11)", async () => {
      const path = at(`/cookie?tag=${encodeURIComponent('"a"')}`);
      await get(path);
      stage.clock.advance(61_000);
      for (let i = 0; i < 3; i++) {
        const said = await get(path);
        expect([said.status, said.headers.get("set-cookie")]).toEqual([200, null]);
      }
    });

    test("a thousand who miss at once make one fetch, and none waits for what is private (H19)", async () => {
      const all = await Promise.all(Array.from({ length: 1000 }, () => get(at("/h19"))));
      expect(new Set(all.map((said) => said.status))).toEqual(new Set([200]));
      expect(origin.log.length).toBe(1);
      origin.log.length = 0;
      const own = await Promise.all(Array.from({ length: 50 }, () => get(at("/own?cc=private"))));
      expect(own.some(hit)).toBe(false);
      expect(origin.log.length).toBe(50);
    });

    test("methods that command a cache command nothing (H21)", async () => {
      const path = at("/h21");
      await get(path);
      for (const method of ["PURGE", "TRACE"]) {
        const said = await get(path, {}, method);
        expect([said.status, said.headers.get("proxy-status")]).toEqual([
          405,
          "edge-1; error=http_request_denied",
        ]);
      }
      expect(hit(await get(path))).toBe(true);
    });
  });
}

describe("what belongs to one connection", () => {
  test("cannot take from a request what gives it its meaning (H20)", async () => {
    const fields = {
      connection: "close, host, authorization, cookie, cache-control, x-own, content-length",
      authorization: "Basic eDp5",
      cookie: "a=b",
      "x-own": "1",
      te: "trailers",
    };
    await ask({ address: stage.address, port: stage.edge.httpPort }, `http://${SITE}/h20`, {
      ...{ fields, method: "POST", body: "three" },
    });
    const seen = origin.log[0]!.headers;
    expect(seen.get("host")).toStartWith(SITE);
    expect(seen.get("authorization")).toBe("Basic eDp5");
    expect(seen.get("cookie")).toBe("a=b");
    expect(seen.get("content-length")).toBe("5");
    expect([seen.get("x-own"), seen.get("te")]).toEqual([null, null]);
  });

  for (const [via, get] of ways.both) {
    const n = via.replace(/\D/g, "");

    test(`cannot take from an answer what keeps it from being shared (H20), over ${via}`, async () => {
      words =
        "HTTP/1.1 200 OK\r\nConnection: close, cache-control, set-cookie, x-own\r\nX-Own: 1\r\n" +
        "Cache-Control: private\r\nSet-Cookie: id=1\r\nContent-Length: 2\r\n\r\nok";
      for (let i = 0; i < 2; i++) {
        const said = await get(`http://${RAW}/${n}/h20`);
        expect(said.headers.get("cache-control")).toBe("private");
        expect(said.headers.get("x-own")).toBeNull();
        expect(hit(said)).toBe(false);
      }
    });

    test(`interim answers and trailers of an origin are not part of what is stored, over ${via}`, async () => {
      words =
        "HTTP/1.1 103 Early Hints\r\nLink: </x.css>; rel=preload\r\n\r\n" +
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: set-cookie, x-late\r\n" +
        "Cache-Control: max-age=60\r\nConnection: close\r\n\r\n" +
        "2\r\nok\r\n0\r\nSet-Cookie: id=late\r\nX-Late: 1\r\n\r\n";
      for (const expected of [false, true]) {
        const said = await get(`http://${RAW}/${n}/trailers`);
        expect([said.status, said.text, hit(said)]).toEqual([200, "ok", expected]);
        for (const name of ["set-cookie", "x-late", "trailer", "link"]) {
          expect(said.headers.get(name)).toBeNull();
        }
      }
    });

    test(`an origin that says nothing sensible is named as such in Proxy-Status (RFC 9209), over ${via}`, async () => {
      words = "what?\r\n\r\n";
      const said = await get(`http://${RAW}/${n}/proxy-status`);
      expect([said.status, said.headers.get("proxy-status")]).toEqual([
        502,
        "edge-1; error=http_protocol_error",
      ]);
    });
  }

  test("bytes that no field may hold are refused before any site sees them (H9)", async () => {
    for (const bad of ["x-a: 1\u00002", "x-a: 1\r2", "x\u0001a: 1", "x a: 1"]) {
      const before = origin.log.length;
      const said = await raw(`GET /h9c HTTP/1.1\r\nHost: ${SITE}\r\n${bad}\r\n\r\n`);
      expect(said.slice(9, 12)).toBe("400");
      expect(origin.log.length).toBe(before);
    }
    expect((await overHttp1("/h9c")).status).toBe(200);
  });
});

function raw(bytes: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connectTcp(stage.edge.httpPort, stage.address);
  let said = "";
  socket.on("data", (chunk) => {
    said += chunk.toString("latin1");
    socket.end();
  });
  socket.on("error", () => resolve(said));
  socket.on("close", () => resolve(said));
  socket.write(Buffer.from(bytes, "latin1"));
  return promise;
}
