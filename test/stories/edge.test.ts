import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect as connectTcp, createServer } from "node:net";
import {
  ask,
  healthOf,
  Stage,
  type StageOrigin,
  snapshotOf,
  startOrigin,
  until,
  ZONE,
} from "./edge-stage.ts";

const SHOP = "www.shop.example";
const NEWS = "www.news.example";
const LOGO = `http://${SHOP}.${ZONE}/logo.png`;

/** What the customers' servers say, by path. Bytes name the customer's server and the version. */
let version = 1;
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

describe("freshness and validation", () => {
  test("a stale object is validated and served again when the origin says 304", async () => {
    const url = `http://${SHOP}.${ZONE}/validate.png`;
    const first = await stage.get(url);
    stage.clock.advance(61_000);
    const second = await stage.get(url);
    expect(second.text).toBe(first.text);
    expect(second.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=304; stored");
    expect(origins[1]!.log.map((r) => r.headers.get("if-none-match"))).toEqual([null, '"v1"']);
    const third = await stage.get(url);
    expect(third.headers.get("cache-status")).toStartWith("edge-1; hit");
  });

  test("a changed object replaces the stale one", async () => {
    const url = `http://${SHOP}.${ZONE}/changing.png`;
    await stage.get(url);
    stage.clock.advance(61_000);
    version = 2;
    const second = await stage.get(url);
    version = 1;
    expect(second.text).toContain(" v2 ");
    expect(second.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=200; stored");
    expect((await stage.get(url)).text).toBe(second.text);
  });

  test("a client that holds the object is told so, and HEAD is answered from it", async () => {
    const conditional = await stage.get(LOGO, { "if-none-match": 'W/"x", "v1"' });
    expect([conditional.status, conditional.text]).toEqual([304, ""]);
    expect(conditional.headers.get("etag")).toBe('"v1"');
    const head = await stage.get(LOGO, {}, "HEAD");
    const whole = await stage.get(LOGO);
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers.get("content-length")).toBe(String(whole.body.length));
    expect(head.headers.get("date")).not.toBeNull();
  });

  test("one byte range is cut from the stored object; several are not", async () => {
    const whole = await stage.get(LOGO);
    const part = await stage.get(LOGO, { range: "bytes=4-7" });
    expect([part.status, part.text]).toEqual([206, whole.text.slice(4, 8)]);
    expect(part.headers.get("content-range")).toBe(`bytes 4-7/${whole.body.length}`);
    expect((await stage.get(LOGO, { range: "bytes=0-1,3-4" })).status).toBe(200);
    expect((await stage.get(LOGO, { range: "bytes=5000-" })).status).toBe(416);
    const other = await stage.get(LOGO, { range: "bytes=4-7", "if-range": '"other"' });
    expect(other.status).toBe(200);
  });

  test("Vary keeps variants apart, and encodings are brought to one form first", async () => {
    const url = `http://${SHOP}.${ZONE}/v.png?vary=accept-encoding&echo=1`;
    const gzip = await stage.get(url, { "accept-encoding": "gzip, deflate" });
    expect(gzip.text).toContain("accept-encoding=gzip ");
    const same = await stage.get(url, { "accept-encoding": "deflate,gzip;q=0.5" });
    expect(same.headers.get("cache-status")).toStartWith("edge-1; hit");
    const brotli = await stage.get(url, { "accept-encoding": "gzip, br" });
    expect(brotli.text).toContain("accept-encoding=br, gzip ");
    const plain = await stage.get(url);
    expect(plain.text).toContain("accept-encoding=identity ");
    expect((await stage.get(url, { "accept-encoding": "gzip" })).text).toBe(gzip.text);
    expect(origins[1]!.log.length).toBe(3);
  });
});

describe("what is not stored", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["private", "?cc=private,max-age=60"],
    ["no-store", "?cc=no-store"],
    ["set-cookie", "?cookie=1"],
    ["vary-star", "?vary=*"],
    ["error-status", "?status=400"],
    ["error-status", "?status=431"],
    ["error-status", "?status=503&cc=none"],
  ];
  for (const [reason, query] of cases) {
    test(`${query} is fetched each time, for the reason ${reason}`, async () => {
      const url = `http://${SHOP}.${ZONE}/me/x.css${query}`;
      for (let i = 0; i < 2; i++) {
        const reply = await stage.get(url);
        expect(reply.headers.get("cache-status")).not.toContain("hit");
        expect(reply.headers.get("set-cookie")).toBeNull();
      }
      expect(asked().reduce((a, b) => a + b)).toBeGreaterThanOrEqual(2);
    });
  }

  test("an error is not served to the next client (H9)", async () => {
    const url = `http://${SHOP}.${ZONE}/h9.png`;
    const bad = await stage.get(url, {
      "x-http-method-override": "POST",
      "x-oversize": "x".repeat(9_000),
    });
    expect(bad.status).toBe(200);
    expect(origins[1]!.log[0]!.headers.get("x-http-method-override")).toBeNull();
    expect(origins[1]!.log[0]!.headers.get("x-oversize")).toBeNull();
  });

  test("paths that look static do not make a private answer storable (H10)", async () => {
    for (const path of ["/me;x.css", "/me%2fx.css", "/me%00.css", "/me%3fx.css", "/..%2fme.css"]) {
      const url = `http://${SHOP}.${ZONE}${path}?cc=private`;
      await stage.get(url);
      expect((await stage.get(url)).headers.get("cache-status")).toContain("detail=");
    }
  });

  test("many clients of a private answer are not served one after another, nor one's to another", async () => {
    const url = `http://${NEWS}/mine?cc=private&echo=1`;
    const users = Array.from({ length: 20 }, (_, i) => `id=${i}`);
    const replies = await Promise.all(users.map((cookie) => stage.get(url, { cookie })));
    replies.forEach((reply, i) => {
      expect(reply.text).toContain(`cookie=id=${i} `);
    });
    expect(news.log.length).toBe(20);
  });
});

describe("a thousand clients at once", () => {
  test("make one fetch of an object that may be shared", async () => {
    const hold = Promise.withResolvers<void>();
    gate.open = hold.promise;
    const url = `http://${SHOP}.${ZONE}/stampede.png`;
    const replies = Array.from({ length: 200 }, () => stage.get(url));
    await until(() => origins[1]!.log.length > 0);
    hold.resolve();
    gate.open = Promise.resolve();
    const bodies = new Set((await Promise.all(replies)).map((reply) => reply.text));
    expect([...bodies]).toHaveLength(1);
    expect(asked()).toEqual([0, 1, 0]);
  });
});

describe("origins", () => {
  test("the lowest load at the moment of the miss decides, not where the page came from", async () => {
    const url = (n: number) => `http://${SHOP}.${ZONE}/steer-${n}.png`;
    await stage.get(url(1));
    stage.health = healthOf({ [`${SHOP}/o1`]: 0.05, [`${SHOP}/o2`]: 0.8, [`${SHOP}/o3`]: 0.9 });
    await stage.get(url(2));
    expect(asked()).toEqual([1, 1, 0]);
    expect(stage.edge.drainStats().fetches[`${SHOP}/o1`]).toBeGreaterThanOrEqual(1);
  });

  test("one that is gone is replaced by the next within the request", async () => {
    await origins[1]!.stop();
    const reply = await stage.get(`http://${SHOP}.${ZONE}/retry.png`);
    expect([reply.status, asked()]).toEqual([200, [1, 0, 0]]);
    expect(reply.text).toContain("127.81");
    const { port } = origins[1]!;
    origins[1] = startOrigin("127.81.0.2", port, answer);
  });

  test("when all fail the answer is 502 and is not kept", async () => {
    await Promise.all(origins.map((origin) => origin.stop()));
    const url = `http://${SHOP}.${ZONE}/all-down.png`;
    const reply = await stage.get(url);
    expect(reply.status).toBe(502);
    expect(reply.headers.get("cache-control")).toBe("no-store");
    const { port } = origins[0]!;
    origins = origins.map((origin) => startOrigin(origin.address, port, answer));
    expect((await stage.get(url)).status).toBe(200);
  });

  test("an origin's answer that is cut short is neither stored nor passed off as whole (H5)", async () => {
    const url = `http://${SHOP}.${ZONE}/cut.png`;
    await Promise.all(origins.map((origin) => origin.stop()));
    const { port } = origins[0]!;
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    const cut = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.end(
          "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nshort",
        );
      });
    });
    cut.listen(port, "127.81.0.2", resolve);
    await listening;
    expect((await stage.get(url)).status).toBe(502);
    cut.close();
    origins = origins.map((origin) => startOrigin(origin.address, port, answer));
    const again = await stage.get(url);
    expect(again.headers.get("cache-status")).toContain("fwd=uri-miss");
    expect(again.text).toContain("/cut.png");
  });
});

describe("a purge", () => {
  test("takes all variants and forms of a URL away before it is acknowledged", async () => {
    const url = `http://${SHOP}.${ZONE}/purged.png?vary=accept-encoding`;
    await stage.get(url, { "accept-encoding": "gzip" });
    await stage.get(url, { "accept-encoding": "br" });
    await stage.get(url);
    version = 3;
    await stage.purge("shop", SHOP, "/purged.png?vary=accept-encoding");
    for (const encoding of ["gzip", "br", "identity"]) {
      const reply = await stage.get(url, { "accept-encoding": encoding });
      expect(reply.text).toContain(" v3 ");
    }
    version = 1;
  });

  test("reaches what is being fetched: those who come later do not get it", async () => {
    const hold = Promise.withResolvers<void>();
    gate.open = hold.promise;
    const url = `http://${SHOP}.${ZONE}/in-flight.png`;
    const early = stage.get(url);
    await until(() => origins[1]!.log.length === 1);
    await stage.purge("shop", SHOP, "/in-flight.png");
    gate.open = Promise.resolve();
    version = 4;
    const late = await stage.get(url);
    expect(late.text).toContain(" v4 ");
    hold.resolve();
    await early;
    expect((await stage.get(url)).text).toContain(" v4 ");
    version = 1;
  });

  test("of one customer leaves another's object of the same path", async () => {
    await stage.get(`http://c.${ZONE}/${NEWS}/same.png`);
    await stage.get(`http://c.${ZONE}/${SHOP}/same.png`);
    await stage.purge("news", NEWS, "/same.png");
    const reply = await stage.get(`http://c.${ZONE}/${SHOP}/same.png`);
    expect(reply.headers.get("cache-status")).toStartWith("edge-1; hit");
  });
});

describe("the disk tier", () => {
  test("serves after a restart, but not what was purged, and validates while it is behind", async () => {
    const kept = `http://${SHOP}.${ZONE}/kept.png`;
    const gone = `http://${SHOP}.${ZONE}/gone.png`;
    const missed = `http://${SHOP}.${ZONE}/missed.png`;
    for (const url of [kept, gone, missed]) await stage.get(url);
    await stage.purge("shop", SHOP, "/gone.png");
    await stage.edge.stop();
    // A purge while it is away, and a log that it cannot reach when it comes back.
    const number = stage.purgeLog.length + 1;
    stage.purgeLog.push({ number, atMs: 0, customer: "shop", site: SHOP, path: "/missed.png" });
    stage.logAnswers = false;
    version = 5;
    await stage.start();
    expect((await stage.get(missed)).text).toContain(" v5 ");
    expect((await stage.get(gone)).text).toContain(" v5 ");
    version = 1;
    const validated = await stage.get(kept);
    expect(validated.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=304; stored");
    stage.logAnswers = true;
    await until(() => stage.acks.some((ack) => ack.number === number));
    await stage.edge.stop();
    await stage.start();
    await until(() => stage.edge !== undefined);
    const before = asked();
    let reply = await stage.get(kept);
    for (let i = 0; i < 50 && !reply.headers.get("cache-status")!.includes("hit"); i++) {
      reply = await stage.get(kept);
    }
    expect(reply.headers.get("cache-status")).toStartWith("edge-1; hit");
    expect(asked().reduce((a, b) => a + b) - before.reduce((a, b) => a + b)).toBeLessThan(3);
  });

  test("takes a large body while it is delivered, and cuts ranges from it later", async () => {
    const size = 3_000_000;
    const url = `http://${SHOP}.${ZONE}/large.bin?size=${size}`;
    const first = await stage.get(url);
    expect([first.status, first.body.length]).toEqual([200, size]);
    let second = await stage.get(url);
    for (let i = 0; i < 50 && !second.headers.get("cache-status")!.includes("hit"); i++) {
      second = await stage.get(url);
    }
    expect(second.headers.get("cache-status")).toStartWith("edge-1; hit");
    expect(second.body.equals(first.body)).toBe(true);
    const part = await stage.get(url, { range: "bytes=262140-600000" });
    expect(part.status).toBe(206);
    expect(part.body.equals(first.body.subarray(262_140, 600_001))).toBe(true);
  });
});

describe("stale objects", () => {
  test("a large one is validated without being fetched or written again", async () => {
    const url = `http://${SHOP}.${ZONE}/large-stale.bin?size=2500000`;
    const first = await stage.get(url);
    for (let i = 0; i < 50; i++) {
      if ((await stage.get(url)).headers.get("cache-status")!.includes("; hit")) break;
    }
    stage.clock.advance(61_000);
    const replies = await Promise.all([stage.get(url), stage.get(url), stage.get(url)]);
    const statuses = replies.map((reply) => reply.headers.get("cache-status"));
    expect(statuses).toContain("edge-1; fwd=stale; fwd-status=304; stored");
    for (const reply of replies) expect(reply.body.equals(first.body)).toBe(true);
    const hit = await stage.get(url, { range: "bytes=0-9" });
    expect([hit.status, hit.headers.get("age")]).toEqual([206, "0"]);
  });

  test("one that its origin lets stand in for an error is served when all origins fail", async () => {
    const url = `http://${NEWS}/sie?cc=max-age=60,stale-if-error=600`;
    const strict = `http://${NEWS}/strict?cc=max-age=60`;
    const first = await stage.get(url);
    await stage.get(strict);
    stage.clock.advance(61_000);
    const { port } = news;
    await news.stop();
    const reply = await stage.get(url);
    expect([reply.status, reply.text]).toEqual([200, first.text]);
    expect(reply.headers.get("cache-status")).toContain("detail=stale-if-error");
    expect((await stage.get(strict)).status).toBe(502);
    news = startOrigin("127.81.1.1", port, answer);
  });
});

describe("customers and their users", () => {
  test("two customers at one shared name get each its own bytes", async () => {
    const [shop, other] = await Promise.all([
      stage.get(`http://c.${ZONE}/${SHOP}/logo.png`),
      stage.get(`http://c.${ZONE}/${NEWS}/logo.png`),
    ]);
    expect(shop.text).toStartWith(`${SHOP}:`);
    expect(other.text).toStartWith(`${NEWS}:`);
  });

  test("cookies and credentials stay away from shared names, in both directions (H25)", async () => {
    const fields = {
      cookie: "id=1",
      authorization: "Basic eDp5",
      "x-forwarded-host": "evil.example",
    };
    const reply = await stage.get(`http://c.${ZONE}/${NEWS}/h25.html?echo=1&cookie=1`, fields);
    expect(reply.text).toContain("cookie=null authorization=null x-forwarded-host=null");
    expect(reply.headers.get("set-cookie")).toBeNull();
    expect(reply.headers.get("content-security-policy")).toBe("sandbox");
    expect((await stage.get(`http://c.${ZONE}/${NEWS}/h25.html`, {}, "POST")).status).toBe(405);
  });

  test("what was fetched with credentials is stored only when said to be public (H11)", async () => {
    const url = `http://${NEWS}/account`;
    const alice = await stage.get(`${url}?echo=1`, { authorization: "Basic YQ==" });
    const bob = await stage.get(`${url}?echo=1`, { authorization: "Basic Yg==" });
    expect(alice.text).not.toBe(bob.text);
    const shared = `${url}?cc=public,max-age=60`;
    await stage.get(shared, { authorization: "Basic YQ==" });
    expect((await stage.get(shared)).headers.get("cache-status")).toStartWith("edge-1; hit");
  });

  test("a site in front of which caches stand takes every method, and a change purges", async () => {
    const url = `http://${NEWS}/item`;
    await stage.get(url);
    const at = { address: stage.address, port: stage.edge.httpPort };
    const posted = await ask(at, url, { fields: {}, method: "POST", body: "x=1" });
    expect(posted.status).toBe(200);
    expect(posted.headers.get("cache-status")).toContain("fwd=method");
    expect((await stage.get(url)).headers.get("cache-status")).toContain("fwd=uri-miss");
    expect(news.log.map((r) => r.method)).toEqual(["GET", "POST", "GET"]);
  });
});

/** Sends bytes as they are; resolves with all that came back. */
function raw(text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connectTcp(stage.edge.httpPort, stage.address, () => socket.write(text));
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
    expect((await stage.get(LOGO)).headers.get("cache-status")).toStartWith("edge-1;");
    await raw(`PURGE /logo.png HTTP/1.1\r\nHost: ${host}${end}`);
    expect((await stage.get(LOGO)).headers.get("cache-status")).toStartWith("edge-1; hit");
  });

  test("the health path answers whatever the host is", async () => {
    const reply = await stage.get("http://192.0.2.1/.well-known/turnpike/health");
    expect([reply.status, reply.text]).toEqual([200, "ok"]);
  });
});

describe("metering", () => {
  test("counts the bytes that clients received, whole and streamed, hit and miss", async () => {
    const usage = stage.usageOf("shop", SHOP);
    const before = { ...usage };
    let bytes = 0;
    let requests = 0;
    let hits = 0;
    const urls = ["/m1.png", "/m1.png", "/m2.bin?size=2500000", "/m3?cc=private", "/m1.png"];
    for (const path of urls) {
      const reply = await stage.get(`http://${SHOP}.${ZONE}${path}`);
      bytes += reply.body.length;
      requests++;
      if (reply.headers.get("cache-status")!.includes("; hit")) hits++;
    }
    expect(usage.bytesOut - before.bytesOut).toBe(bytes);
    expect(usage.requests - before.requests).toBe(requests);
    expect(usage.hits - before.hits).toBe(hits);
    expect(stage.edge.drainStats().edge[SHOP]!.bytesOut).toBeGreaterThanOrEqual(bytes);
  });
});
