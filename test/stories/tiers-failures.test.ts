// A parent that is dead, slow, drained or wrong costs no client its answer, and nobody passes for one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Recorded, type Recorder, startRecorder } from "../lab/recorder.ts";
import { ask, healthOf, type StageOrigin, startOrigin } from "./edge-stage.ts";
import { type TierNode, TierWorld } from "./tiers-world.ts";

const SITE = "www.shop.example";
const FRESH = "Cache-Control: max-age=60\r\n";
const POPS = [{ name: "mid" }, { name: "odd" }, { name: "out", parent: "mid" }];

const world = new TierWorld();
let origin: StageOrigin;
/** Stands where a parent of `out` is said to be, and does as it is told. */
let odd: Recorder;
let [one, two, out]: TierNode[] = [];
let answer: (request: Request) => Response | Promise<Response>;

beforeAll(async () => {
  origin = startOrigin("127.62.31.1", 0, (request) => answer(request));
  answer = said("ok");
  await world.start({
    ...{ "mid-1": "127.62.30.1", "mid-2": "127.62.30.2", "out-1": "127.62.30.3" },
  });
  [one, two, out] = world.nodes;
  odd = await startRecorder("127.62.30.9", world.port);
  world.others = { "odd-1": odd.address };
  publish();
  await world.caughtUp(fresh());
});
afterAll(async () => {
  await world.stop();
  await odd.stop();
  await origin.stop();
});
beforeEach(() => {
  Object.assign(world.parentTimes, { headMs: 60_000, avoidMs: 0 });
  answer = said("ok");
  world.health = healthOf({});
  odd.clear();
  publish();
  origin.log.length = 0;
});

function publish(site: Record<string, unknown> = {}, parent = "mid"): void {
  world.publish({ pops: popsWith(parent), sites: [siteWith(site)] });
}
const popsWith = (parent: string) => [...POPS.slice(0, 2), { name: "out", parent }];
function siteWith(more: Record<string, unknown> = {}) {
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  return { hostname: SITE, front: "caches", port: origin.port, origins, ...more };
}

let urls = 0;
const fresh = (more = "") => `http://${SITE}/object-${++urls}.txt${more}`;
const said = (text: string, fields: Record<string, string> = {}) => {
  return (_: Request) =>
    new Response(text, { headers: { "cache-control": "max-age=60", ...fields } });
};
const via = (reply: { headers: Headers }) => reply.headers.get("via");
const asksParents = () => out!.count("turnpike_edge_parent_fetches_total");

describe("a parent that cannot be asked", () => {
  test("is passed over while it is down or draining, and its objects go to the other one", async () => {
    const seen = new Set<string | null>();
    for (let i = 0; i < 40; i++) seen.add(via(await out!.get(fresh())));
    expect(seen).toEqual(new Set(["1.1 mid-1, 1.1 out-1", "1.1 mid-2, 1.1 out-1"]));
    world.health = healthOf({ "node/mid-1": 0.1, "node/mid-2": 0.1 }, ["node/mid-1"]);
    for (let i = 0; i < 20; i++) expect(via(await out!.get(fresh()))).toBe("1.1 mid-2, 1.1 out-1");
    world.health = healthOf({ "node/mid-1": 0.1, "node/mid-2": 0.1 }, ["node/mid-1", "node/mid-2"]);
    expect(via(await out!.get(fresh()))).toBe("1.1 out-1");
  });

  const wrong: [string, (request: Recorded) => { bytes: string; end?: boolean } | null][] = [
    ["says nothing", () => null],
    ["breaks off", () => ({ bytes: "", end: true })],
    ["breaks off within the head", () => ({ bytes: "HTTP/1.1 200 OK\r\nContent-", end: true })],
    ["answers 500", () => ({ bytes: "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" })],
    ["is somebody else", () => ({ bytes: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad" })],
    [
      "breaks off within the body",
      () => ({
        bytes: `HTTP/1.1 200 OK\r\nTurnpike-Tier: 0; held=0\r\n${FRESH}Content-Length: 9\r\n\r\nbad`,
        end: true,
      }),
    ],
  ];
  for (const [what, does] of wrong) {
    test(`${what}: the origin answers within the same request`, async () => {
      publish({}, "odd");
      odd.reply = does;
      world.parentTimes.headMs = 400;
      const failures = () => out!.count("turnpike_edge_parent_failures_total", "node/odd-1");
      const before = failures();
      const url = fresh();
      const reply = await out!.get(url);
      expect([reply.status, reply.text, via(reply)]).toEqual([200, "ok", "1.1 out-1"]);
      expect(odd.requests.length).toBe(1);
      if (!what.includes("body")) expect(failures() - before).toBe(1);
      expect(status(await out!.get(url))).toStartWith("out-1; hit");
    });
  }
});

const status = (reply: { headers: Headers }) => reply.headers.get("cache-status")!;

describe("a request that passes for a cache's", () => {
  /** A mark as the child wrote it, for this path. */
  async function capture(path: string): Promise<string> {
    publish({}, "odd");
    odd.reply = () => ({ bytes: "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" });
    await out!.get(`http://${SITE}${path}`);
    const mark = odd.requests[0]!.fields.find(([name]) => name === "turnpike-tier")![1];
    publish();
    return mark;
  }
  const TIER = "/.well-known/turnpike/tier";
  const asCache = (path: string, mark: string, more: Record<string, string> = {}) =>
    ask({ address: one!.address, port: world.port }, `http://${SITE}${TIER}${path}`, {
      ...{ method: "GET", fields: { "turnpike-tier": mark, ...more } },
    });

  test("is anybody's where the mark is wrong, old, or of another request; and no origin sees a mark", async () => {
    answer = (request) =>
      said(new URL(request.url).pathname, { "cache-control": "no-store" })(request);
    const mark = await capture("/captured.txt");
    const right = await asCache("/captured.txt", mark);
    expect([right.text, right.headers.get("turnpike-tier")]).toEqual([
      "/captured.txt",
      expect.stringMatching(/^\d+; held=0$/),
    ]);
    const tries = [
      () => asCache("/other.txt", mark),
      () => asCache("/captured.txt?x", mark),
      () => asCache("/captured.txt", `${mark.slice(0, -1)}${mark.endsWith("0") ? "1" : "0"}`),
      () => asCache("/captured.txt", mark.replace("mid", "out").replace("out-1", "out-2")),
      () => asCache("/captured.txt", "1 0 out-1 0 192.0.2.1 http - . ".padEnd(100, "0")),
      () => asCache("/captured.txt", mark, { "cdn-loop": "cdn.example, cdn.example" }),
    ];
    for (const wrong of tries) {
      const reply = await wrong();
      expect(reply.headers.get("turnpike-tier")).toBeNull();
      if (reply.status === 200) expect(reply.text).toStartWith(TIER);
      else expect(reply.status).toBe(508);
    }
    world.clock.advance(11_000);
    expect((await asCache("/captured.txt", mark)).headers.get("turnpike-tier")).toBeNull();
    for (const { headers } of origin.log) expect(headers.get("turnpike-tier")).toBeNull();
  });

  test("does not come past the rules of a site, and is billed as a client's", async () => {
    const rules = [{ name: "closed", match: {}, access: { deny: ["0.0.0.0/0"] } }];
    publish({ rules });
    const before = { ...one!.usageOf("shop", SITE) };
    const reply = await asCache("/secret.txt", "1 2 3");
    expect([reply.status, origin.log.length]).toEqual([403, 0]);
    expect(one!.usageOf("shop", SITE).requests).toBe(before.requests + 1);
  });

  test("what an origin says of tiers is believed by nobody, and no client gets it", async () => {
    answer = said("ok", { "turnpike-tier": "99; held=5; made=timeout" });
    const url = fresh();
    for (const node of [out!, one!, out!]) {
      const reply = await node.get(url, { "turnpike-tier": "1; held=2" });
      expect([reply.status, reply.headers.get("turnpike-tier")]).toEqual([200, null]);
    }
    for (const { headers } of origin.log) expect(headers.get("turnpike-tier")).toBeNull();
  });

  test("no cache asks another without keys, and each believes the key before as well", async () => {
    const { keys } = world;
    world.keys = [];
    expect(via(await out!.get(fresh()))).toBe("1.1 out-1");
    const next = { madeMs: world.clock.wallMs() - 1_000, secret: new Uint8Array(32).fill(9) };
    world.keys = [...keys, next];
    expect(via(await out!.get(fresh()))).toMatch(/^1.1 mid-., 1.1 out-1$/);
    world.clock.advance(60_000);
    expect(via(await out!.get(fresh()))).toMatch(/^1.1 mid-., 1.1 out-1$/);
    world.keys = keys;
  });
});

describe("caches that know different networks", () => {
  test("never send a request round, nor through more than three of them (H13)", async () => {
    const sites = [siteWith()];
    const circle = [
      { name: "odd" },
      { name: "mid", tier: "inside", parent: "out" },
      { name: "out", parent: "odd" },
    ];
    for (const node of [one!, two!]) world.publishTo(node, world.compile({ pops: circle, sites }));
    const seen = new Set<string>();
    for (let i = 0; i < 30; i++) {
      const reply = await out!.get(fresh());
      expect([reply.status, reply.text]).toEqual([200, "ok"]);
      const caches = via(reply)!.split(", ");
      expect(caches.length).toBe(new Set(caches).size);
      expect(caches.length).toBeLessThanOrEqual(3);
      seen.add(via(reply)!);
    }
    // Some went around inside the pop: the rest of the circle was closed to them.
    expect(seen.size).toBeGreaterThan(1);
    for (const { headers } of origin.log) expect(headers.get("cdn-loop")).toBe("cdn.example");
  });

  test("go to the origin where they know different rules of a site, or one does not know it", async () => {
    const rule = { name: "hour", match: {}, ttl: [{ edgeSec: 3600 }] };
    const pops = popsWith("mid");
    for (const node of [one!, two!]) {
      world.publishTo(node, world.compile({ pops, sites: [siteWith({ rules: [rule] })] }));
    }
    const reply = await out!.get(fresh());
    expect([reply.status, via(reply)]).toEqual([200, "1.1 out-1"]);
    expect(asksParents()).toBeGreaterThan(0);
  });
});

// The last one: what it makes known holds for the rest of this process.
test("a parent that failed is left alone for a while, and asked again after it", async () => {
  publish({}, "odd");
  odd.reply = () => ({ bytes: "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" });
  world.parentTimes.avoidMs = 600_000;
  for (let i = 0; i < 3; i++) expect((await out!.get(fresh())).text).toBe("ok");
  expect(odd.requests.length).toBe(1);
});

test("a parent that is slow about one site is asked about another, and odd requests say nothing of it (T10)", async () => {
  const slow = "www.slow.example";
  const sites = [siteWith(), { ...siteWith(), hostname: slow }];
  world.publish({ pops: popsWith("odd"), sites });
  Object.assign(world.parentTimes, { headMs: 300, avoidMs: 600_000 });
  const hosts = () =>
    odd.requests.map(({ fields }) => fields.find(([name]) => name === "host")![1]);
  odd.reply = ({ fields }) => {
    if (fields.some(([name, value]) => name === "host" && value.startsWith(slow))) return null;
    return { bytes: "HTTP/1.1 431 Too large\r\nContent-Length: 0\r\n\r\n" };
  };
  for (const host of [slow, slow, "www.other.example", "www.other.example"]) {
    if (host !== slow) {
      world.publish({ pops: popsWith("odd"), sites: [{ ...siteWith(), hostname: host }] });
    }
    expect((await out!.get(fresh().replace(SITE, host))).text).toBe("ok");
  }
  expect(hosts().map((host) => host.split(":")[0]!)).toEqual([
    ...[slow, "www.other.example", "www.other.example"],
  ]);
});
