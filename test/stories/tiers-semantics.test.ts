// What HTTP caching means holds through a cache and its parent as through one cache.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Reply, type StageOrigin, startOrigin } from "./edge-stage.ts";
import { type TierNode, TierWorld } from "./tiers-world.ts";

const SITE = "www.shop.example";
const POPS = [{ name: "mid" }, { name: "out", parent: "mid" }];
const LARGE = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 251));

const world = new TierWorld();
let origin: StageOrigin;
let [out, two, mid]: TierNode[] = [];
let answer: (request: Request) => Response | Promise<Response>;

beforeAll(async () => {
  origin = startOrigin("127.62.21.1", 0, (request) => answer(request));
  answer = said("ok");
  await world.start({
    ...{ "mid-1": "127.62.20.1", "out-1": "127.62.20.2", "out-2": "127.62.20.3" },
  });
  [mid, out, two] = world.nodes;
  publish();
  await world.caughtUp(fresh());
});
afterAll(async () => {
  await world.stop();
  await origin.stop();
});
beforeEach(() => {
  answer = said("ok");
  publish();
  origin.log.length = 0;
});

function publish(site: Record<string, unknown> = {}): void {
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const base = { hostname: SITE, front: "caches", port: origin.port, origins };
  world.publish({ pops: POPS, sites: [{ ...base, ...site }] });
}

let urls = 0;
const fresh = (more = "") => `http://${SITE}/object-${++urls}.txt${more}`;
const said = (text: string, fields: Record<string, string> = {}) => {
  return (_: Request) =>
    new Response(text, { headers: { "cache-control": "max-age=60", ...fields } });
};
const status = (reply: Reply) => reply.headers.get("cache-status");
const methods = () => origin.log.map(({ method }) => method);

/** An origin that validates: the text is as old as its tag. */
function tagged(text: () => string, fields: Record<string, string> = {}) {
  return (request: Request) => {
    const headers = { etag: `"${text()}"`, "cache-control": "max-age=60", ...fields };
    const same = request.headers.get("if-none-match") === headers.etag;
    return same ? new Response(null, { status: 304, headers }) : new Response(text(), { headers });
  };
}

describe("a hostname that goes from one customer to another", () => {
  test("a cache that has heard of it takes nothing of a parent that has not, nor the other way round (T9)", async () => {
    const next = startOrigin("127.62.21.2", 0, said("next"));
    try {
      const origins = [{ name: "o1", v4: next.address, port: next.port }];
      const site = { hostname: SITE, front: "caches", port: next.port, origins };
      const moved = world.compile({ pops: POPS, sites: [site], customer: "next" });
      answer = said("before");
      const [one, other, third] = [fresh(), fresh(), fresh()];
      for (const url of [one, other]) expect((await two!.get(url)).text).toBe("before");
      world.publishTo(out!, moved);
      const behind = await out!.get(one);
      expect([behind.text, status(behind)]).toEqual(["next", expect.not.stringContaining("mid-1")]);
      world.publishTo(mid!, moved);
      expect((await mid!.get(third)).text).toBe("next");
      const ahead = await two!.get(third);
      expect([ahead.text, status(ahead)]).toEqual(["before", expect.not.stringContaining("mid-1")]);
      const seen = [...origin.log, ...next.log].map(({ path }) => path);
      expect(seen.filter((path) => path.includes("turnpike"))).toEqual([]);
      // Where both have heard of it they are tiers again.
      const both = await out!.get(other);
      expect([both.text, status(both)]).toEqual(["next", expect.stringContaining("mid-1")]);
    } finally {
      await next.stop();
    }
  });
});

describe("through two tiers", () => {
  test("ages add up: what the parent has had for 20 s is 20 s old, and fresh for the rest", async () => {
    const url = fresh();
    await out!.get(url);
    world.clock.advance(20_000);
    const late = await two!.get(url);
    expect([late.headers.get("age"), origin.log.length]).toEqual(["20", 1]);
    world.clock.advance(10_000);
    const hit = await two!.get(url);
    expect([hit.headers.get("age"), status(hit)!.split(", ")[1]]).toEqual([
      "30",
      "out-2; hit; ttl=30",
    ]);
  });

  test("a child validates with its parent, which answers 304 from what it holds fresh", async () => {
    answer = tagged(() => "v1");
    const url = fresh();
    await out!.get(url);
    world.clock.advance(61_000);
    await two!.get(url);
    expect(origin.log.length).toBe(2);
    world.clock.advance(5_000);
    const renewed = await out!.get(url);
    expect(status(renewed)).toBe("mid-1; hit; ttl=55, out-1; fwd=stale; fwd-status=304; stored");
    expect([renewed.text, renewed.headers.get("age"), origin.log.length]).toEqual(["v1", "5", 2]);
    expect((await out!.get(url, { "if-none-match": '"v1"' })).status).toBe(304);
    expect(status(await out!.get(url))).toEndWith("out-1; hit; ttl=55");
  });

  test("a changed object comes through both, and a 304 of the origin renews both", async () => {
    let text = "v1";
    answer = tagged(() => text);
    const url = fresh();
    await out!.get(url);
    world.clock.advance(61_000);
    const same = await out!.get(url);
    expect(status(same)).toBe(
      "mid-1; fwd=stale; fwd-status=304; stored, out-1; fwd=stale; fwd-status=304; stored",
    );
    text = "v2";
    world.clock.advance(61_000);
    expect((await out!.get(url)).text).toBe("v2");
    expect((await two!.get(url)).text).toBe("v2");
    expect(origin.log.length).toBe(3);
  });

  test("variants by Vary stay apart, and each is fetched once", async () => {
    answer = (request) =>
      said(request.headers.get("accept-language") ?? "none", { vary: "accept-language" })(request);
    const url = fresh();
    for (const node of [out!, two!]) {
      for (const language of ["de", "fr"]) {
        expect((await node.get(url, { "accept-language": language })).text).toBe(language);
      }
      expect((await node.get(url)).text).toBe("none");
    }
    expect(origin.log.length).toBe(3);
  });

  test("what is private, sets cookies or needs a login is kept by neither, nor given to another", async () => {
    let count = 0;
    const kinds: Record<string, string>[] = [
      { "cache-control": "private, max-age=60" },
      { "cache-control": "max-age=60", "set-cookie": "id=1" },
      { "cache-control": "no-store" },
      { "cache-control": "max-age=60" },
    ];
    for (const [i, fields] of kinds.entries()) {
      answer = (request) =>
        said(`${request.headers.get("authorization")} ${++count}`, fields)(request);
      const url = fresh();
      const login = i === 3;
      const texts: string[] = [];
      for (const node of [out!, two!, mid!, out!]) {
        const user = login ? { authorization: `u${texts.length}` } : {};
        texts.push((await node.get(url, user)).text);
      }
      expect(new Set(texts).size).toBe(4);
      if (login) expect(texts.map((text) => text.split(" ")[0]!)).toEqual(["u0", "u1", "u2", "u3"]);
    }
  });

  test("many at once who ask for what turns out private get each their own", async () => {
    answer = async (request) => {
      await new Promise((go) => setTimeout(go, 5));
      return said(request.headers.get("cookie") ?? "", { "cache-control": "private" })(request);
    };
    const url = fresh();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? out! : two!).get(url, { cookie: `u=${i}` }),
      ),
    );
    expect(replies.map((reply) => reply.text)).toEqual(
      Array.from({ length: 20 }, (_, i) => `u=${i}`),
    );
  });

  test("a part of a large object costs slices, at the origin once for both children", async () => {
    answer = (request) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
      const headers = { etag: '"l"', "cache-control": "max-age=60" };
      if (range === null) return new Response(LARGE, { headers });
      const [first, last] = [Number(range[1]), Math.min(Number(range[2]), LARGE.length - 1)];
      return new Response(LARGE.subarray(first, last + 1), {
        status: 206,
        headers: { ...headers, "content-range": `bytes ${first}-${last}/${LARGE.length}` },
      });
    };
    const url = fresh();
    for (const node of [out!, two!, out!]) {
      const part = await node.get(url, { range: "bytes=1600000-2600000" });
      expect([part.status, part.body.equals(LARGE.subarray(1_600_000, 2_600_001))]).toEqual([
        206,
        true,
      ]);
      expect(part.headers.get("content-range")).toBe("bytes 1600000-2600000/3000000");
    }
    // Each slice that the part touches once, none of the rest.
    expect(origin.log.map(({ headers }) => headers.get("range")).toSorted()).toEqual([
      "bytes=1572864-2097151",
      "bytes=2097152-2621439",
    ]);
  });

  test("a large object goes through whole, and is a hit at both later", async () => {
    answer = () => new Response(LARGE, { headers: { etag: '"w"', "cache-control": "max-age=60" } });
    const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    const url = fresh();
    for (const node of [out!, two!]) expect(sha((await node.get(url)).body)).toBe(sha(LARGE));
    expect(origin.log.length).toBe(1);
    const end = performance.now() + 10_000;
    for (;;) {
      const reply = await out!.get(url, { range: "bytes=-5" });
      if (status(reply)!.includes("out-1; hit")) {
        expect(reply.body.equals(LARGE.subarray(-5))).toBe(true);
        break;
      }
      expect(performance.now()).toBeLessThan(end);
    }
  });

  test("HEAD is answered by what the parent holds, and asks the origin for no body else", async () => {
    const url = fresh();
    const first = await out!.get(url, {}, "HEAD");
    expect([first.status, first.text, methods()]).toEqual([200, "", ["HEAD"]]);
    await two!.get(url);
    const held = await out!.get(url, {}, "HEAD");
    expect([held.headers.get("content-length"), methods()]).toEqual(["2", ["HEAD", "GET"]]);
  });

  test("errors come through as they are, kept where they may be", async () => {
    answer = () =>
      new Response("gone", { status: 404, headers: { "cache-control": "max-age=60" } });
    const url = fresh();
    for (const node of [out!, two!, out!]) expect((await node.get(url)).status).toBe(404);
    expect(origin.log.length).toBe(1);
    answer = () => new Response("broken", { status: 503 });
    const other = fresh();
    const reply = await out!.get(other);
    expect([reply.status, reply.text]).toEqual([503, "broken"]);
  });

  test("an origin that gives no answer is asked once by the parent, and not again by the child", async () => {
    answer = () => Promise.reject(new Error("broken off"));
    const before = out!.count("turnpike_edge_fetches_total", "/o1");
    publish({ origins: [{ name: "o1", v4: "127.62.21.9", port: origin.port }] });
    const reply = await out!.get(fresh());
    expect(reply.status).toBe(502);
    expect(reply.headers.get("proxy-status")).toBe("out-1; error=connection_refused");
    expect(out!.count("turnpike_edge_fetches_total", "/o1")).toBe(before);
  });

  test("stale objects stand in for an origin that fails, at the parent and at the child", async () => {
    answer = said("v1", { "cache-control": "max-age=60, stale-if-error=600" });
    const url = fresh();
    await out!.get(url);
    answer = () => new Response("broken", { status: 500 });
    world.clock.advance(100_000);
    const reply = await two!.get(url);
    expect([reply.status, reply.text, reply.headers.get("age")]).toEqual([200, "v1", "100"]);
    const stale = "mid-1; fwd=stale; fwd-status=500; ttl=-40; detail=stale-if-error, out-2;";
    expect(status(reply)).toStartWith(stale);
    expect((await out!.get(url)).text).toBe("v1");
  });

  test("a rule's lifetime counts from the origin, however many caches hold it one after the other", async () => {
    const rules = [{ name: "hour", match: {}, ttl: [{ edgeSec: 3600 }] }];
    publish({ rules });
    const url = fresh();
    await out!.get(url);
    world.clock.advance(2_000_000);
    await two!.get(url);
    expect(status(await two!.get(url))).toEndWith("out-2; hit; ttl=1600; detail=rule:hour");
    world.clock.advance(1_600_000);
    expect(status(await two!.get(url))).toContain("out-2; fwd=stale");
    expect(origin.log.length).toBe(2);
  });

  test("parts of the key that rules add hold at the parent, too", async () => {
    const key = { device: true, cookies: ["lang"], headers: ["x-shop"], query: "sorted" };
    publish({ rules: [{ name: "apart", match: {}, key }] });
    answer = (request) => {
      const { headers } = request;
      const seen = ["x-device-class", "cookie", "x-shop"].map((name) => headers.get(name));
      return said(seen.join(" "))(request);
    };
    const path = fresh();
    const kinds = [
      { "user-agent": "Mozilla/5.0 (iPhone) Mobile" },
      { "user-agent": "Mozilla/5.0", cookie: "a=1; lang=de; b=2" },
      { "user-agent": "Mozilla/5.0", cookie: "lang=fr" },
      { "user-agent": "Mozilla/5.0", "x-shop": "ä, =-" },
    ];
    const expected = ["mobile  ", "desktop lang=de ", "desktop lang=fr ", "desktop  ä, =-"];
    for (const query of ["?b=2&a=1", "?a=1&b=2"]) {
      for (const node of [out!, two!]) {
        for (const [i, fields] of kinds.entries()) {
          expect((await node.get(`${path}${query}`, fields)).text).toBe(expected[i]!);
        }
      }
    }
    expect(origin.log.length).toBe(kinds.length);
    expect(new Set(origin.log.map((one) => new URL(one.path, "http://h").search))).toEqual(
      new Set(["?a=1&b=2"]),
    );
  });

  test("fields, compression and CORS of rules are the child's: the parent holds the origin's words", async () => {
    const text = "compress me ".repeat(500);
    answer = said(text, { "content-type": "text/plain", etag: '"z"', "x-from": "origin" });
    const rules = [
      {
        ...{ name: "edit", match: {}, compress: true },
        response: { set: { "x-from": "rule" } },
      },
    ];
    publish({ rules });
    const url = fresh();
    const zipped = { "accept-encoding": "gzip" };
    await out!.get(url, zipped);
    const end = performance.now() + 10_000;
    for (;;) {
      const reply = await out!.get(url, zipped);
      expect(reply.headers.get("x-from")).toBe("rule");
      if (reply.headers.get("content-encoding") === "gzip") {
        expect(Buffer.from(Bun.gunzipSync(new Uint8Array(reply.body))).toString()).toBe(text);
        break;
      }
      expect(performance.now()).toBeLessThan(end);
    }
    const plain = await two!.get(url);
    expect([plain.text, plain.headers.get("x-from"), plain.headers.get("etag")]).toEqual([
      ...[text, "rule", '"z"'],
    ]);
    expect(origin.log.length).toBe(1);
    publish();
    expect((await mid!.get(url)).headers.get("x-from")).toBe("origin");
  });
});
