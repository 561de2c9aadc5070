// Caches that ask other caches: what a client gets, what origins see, and who is billed.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type StageOrigin, startOrigin } from "./edge-stage.ts";
import { type TierNode, TierWorld } from "./tiers-world.ts";

const SITE = "www.shop.example";
const POPS = [{ name: "mid" }, { name: "out", parent: "mid" }];

let world: TierWorld;
let origin: StageOrigin;
let out: TierNode;
let mid: TierNode;
let urls = 0;
const fresh = () => `http://${SITE}/object-${++urls}.txt`;
/** What the origin answers next. */
let answer: (request: Request) => Response | Promise<Response>;

async function begin(o: { readonly isCrew?: boolean }): Promise<void> {
  world = new TierWorld(o);
  origin = startOrigin("127.62.1.1", 0, (request) => answer(request));
  await world.start({ "mid-1": "127.62.0.1", "out-1": "127.62.0.2", "out-2": "127.62.0.3" });
  [mid, out] = [world.of("mid-1"), world.of("out-1")];
  publish();
  answer = () => new Response("ok", { headers: { "cache-control": "max-age=60" } });
  await world.caughtUp(fresh());
}

function publish(site: Record<string, unknown> = {}, pops: readonly unknown[] = POPS): void {
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const base = { hostname: SITE, front: "caches", port: origin.port, origins };
  world.publish({ pops, sites: [{ ...base, ...site }] });
}

describe.each([
  ["a cache with a parent", {}],
  ["a cache of several processes, with a parent of several", { isCrew: true }],
])("%s", (_, o) => {
  beforeAll(() => begin(o));
  afterAll(async () => {
    await world.stop();
    await origin.stop();
  });
  beforeEach(() => {
    origin.log.length = 0;
    answer = () => new Response("of the shop", { headers: { "cache-control": "max-age=60" } });
    publish();
  });

  test("fetches through it, and each says what became of it, the one nearest the origin first", async () => {
    const url = fresh();
    const first = await out.get(url);
    expect([first.status, first.text, origin.log.length]).toEqual([200, "of the shop", 1]);
    expect(first.headers.get("cache-status")).toBe(
      "mid-1; fwd=uri-miss; fwd-status=200; stored, out-1; fwd=uri-miss; fwd-status=200; stored",
    );
    expect(first.headers.get("via")).toBe("1.1 mid-1, 1.1 out-1");
    expect(first.headers.get("turnpike-tier")).toBeNull();
    const again = await out.get(url);
    expect(again.headers.get("cache-status")).toEndWith("out-1; hit; ttl=60");
    const other = await world.of("out-2").get(url);
    expect(other.headers.get("cache-status")).toBe(
      "mid-1; hit; ttl=60, out-2; fwd=uri-miss; fwd-status=200; stored",
    );
    expect(origin.log.length).toBe(1);
  });

  test("sends the origin one request with its client's address, one CDN-Loop member and no mark", async () => {
    await out.get(fresh(), { "x-forwarded-for": "203.0.113.9", accept: "text/html" });
    const { headers } = origin.log[0]!;
    expect(headers.get("via")).toBe("1.1 out-1, 1.1 mid-1");
    expect(headers.get("cdn-loop")).toBe("cdn.example");
    expect(headers.get("x-forwarded-for")).toMatch(/^127\.0\.0\.1$|^127\.62\./);
    expect(headers.get("x-forwarded-proto")).toBe("http");
    expect(headers.get("accept")).toBe("text/html");
    expect(headers.get("host")).toBe(`${SITE}:${origin.port}`);
    expect(headers.get("turnpike-tier")).toBeNull();
  });

  test("bills the client's request once, where it was served, and the fetch where it was made", async () => {
    const before = usage();
    const served = mid.count("turnpike_edge_requests_total");
    const url = fresh();
    await out.get(url);
    await out.get(url);
    const bytes = "of the shop".length;
    expect(since(before)).toEqual({
      out: { requests: 2, hits: 1, bytesOut: 2 * bytes, bytesIn: 0, queries: 0 },
      mid: { requests: 0, hits: 0, bytesOut: 0, bytesIn: bytes, queries: 0 },
    });
    expect(mid.count("turnpike_edge_tier_requests_total")).toBeGreaterThan(0);
    expect(mid.count("turnpike_edge_tier_sent_bytes_total")).toBeGreaterThanOrEqual(bytes);
    expect(mid.count("turnpike_edge_requests_total")).toBe(served);
    expect(out.count("turnpike_edge_parent_fetches_total", "node/mid-1")).toBeGreaterThan(0);
  });

  test("asks the origin itself where the site wants no tiers, and where no pop has a parent", async () => {
    publish({ fetch: { tiers: false } });
    const reply = await out.get(fresh());
    expect(reply.headers.get("cache-status")).toBe("out-1; fwd=uri-miss; fwd-status=200; stored");
    publish({}, [{ name: "mid" }, { name: "out" }]);
    const plain = await out.get(fresh());
    expect(plain.headers.get("via")).toBe("1.1 out-1");
  });
});

const usage = () => ({
  out: { ...out.usageOf("shop", SITE) },
  mid: { ...mid.usageOf("shop", SITE) },
});

function since(before: ReturnType<typeof usage>) {
  const now = usage();
  const less = (a: (typeof now)["out"], b: (typeof now)["out"]) => ({
    requests: a.requests - b.requests,
    hits: a.hits - b.hits,
    bytesOut: a.bytesOut - b.bytesOut,
    bytesIn: a.bytesIn - b.bytesIn,
    queries: a.queries - b.queries,
  });
  return { out: less(now.out, before.out), mid: less(now.mid, before.mid) };
}
