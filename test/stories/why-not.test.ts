// A site's owner sees why requests were no hits: each answer of a cache is counted as what it was, and
// the control plane tells the sums, what to do about them, and what that would bring.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { whyNotWords } from "../../src/cli/commands/why.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import type { WhyNotReply } from "../../src/model/api/mod.ts";
import type { NodeStats } from "../../src/model/messages.ts";
import { until } from "../lab/process.ts";
import { isHit, RulesWorld, SHOP } from "./edge-rules-stage.ts";

// The control plane hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const w = new RulesWorld("127.69");
const RULES = [
  { name: "old", match: { path: ["/old/*"] }, redirect: { status: 301, to: "/new" } },
  { name: "by-device", match: { path: ["/img/*"] }, key: { device: true } },
];

beforeAll(() => w.start(RULES));
afterAll(() => w.stop());

/** What the cache counted since the last call. */
function drained(): Pick<NodeStats, "edge" | "whyNot" | "fetches"> {
  return w.stage.edge.drainStats();
}

const WAYS = ["http1", "http2"] as const;

for (const way of WAYS) {
  test(`over ${way} each sort of miss is counted as what it is, and hits as hits`, async () => {
    const get = w[way];
    drained();
    const many = async (times: number, path: string, fields = {}, method = "GET") => {
      for (let i = 0; i < times; i++) await get(path, fields, method);
    };
    await many(5, `/${way}/kept`);
    await many(4, `/${way}/private?cc=private`);
    await many(3, `/${way}/no-store?cc=no-store`);
    await many(3, `/${way}/none?cc=none`);
    await many(2, `/${way}/cookie?cookie=1`);
    await many(2, `/${way}/error?status=503&cc=none`);
    await many(3, `/${way}/asked?cc=no-cache&tag="a"`);
    await many(2, `/${way}/kept`, {}, "POST");
    await many(1, `/${way}/unheld`, {}, "HEAD");
    await many(2, "/old/a");
    await many(1, `/${way}/short?cc=max-age%3D10`);
    w.stage.clock.advance(20_000);
    await many(1, `/${way}/short?cc=max-age%3D10`);
    const { edge, whyNot } = drained();
    // POST ends what is held of its address, which is asked for no more here.
    expect(edge[SHOP]).toMatchObject({ requests: 29, hits: 4 });
    expect(whyNot).toEqual({
      [SHOP]: {
        // The first of each address that may be kept.
        ...{ "not-held": 3, private: 4, "no-store": 3, "no-freshness": 3, "set-cookie": 2 },
        ...{ "error-status": 2, validate: 2, method: 2, head: 1, rule: 2, stale: 1 },
      },
    });
    expect(drained().whyNot).toBeUndefined();
  });
}

test("what was purged softly, and what is another variant, is told from what never was here", async () => {
  drained();
  const phone = { "user-agent": "Mozilla/5.0 (iPhone) Mobile" };
  await w.http1("/soft/a");
  expect(isHit(await w.http1("/soft/a"))).toBe(true);
  await w.stage.purge("shop", SHOP, "/soft/a", { soft: true });
  await w.http1("/soft/a");
  await w.http1("/img/a");
  await w.http1("/img/a", phone);
  expect(isHit(await w.http1("/img/a", phone))).toBe(true);
  const whyNot = { "not-held": 2, purged: 1, "other-variant": 1 };
  expect(drained().whyNot).toEqual({ [SHOP]: whyNot });
});

test("a large object, on disk alone, that a purge ended is told from another variant", async () => {
  const large = "/large/a?size=1500000";
  // Until what was sent on is on disk as well.
  await until(async () => isHit(await w.http1(large)), { what: "a hit of the large object" });
  drained();
  await w.stage.purge("shop", SHOP, "/large", { scope: "prefix" });
  expect(isHit(await w.http1(large))).toBe(false);
  expect(drained().whyNot).toEqual({ [SHOP]: { purged: 1 } });
});

test("the control plane tells the sums with what to do, to the site's own people only", async () => {
  drained();
  for (let i = 0; i < 4; i++) await w.http1("/told");
  for (let i = 0; i < 5; i++) await w.http1("/told/private?cc=private");
  const counted = drained();
  const control: ControlWorld = await startControlWorld();
  try {
    const operator = await control.token(OPERATOR);
    await control.call("POST", "/apply", { headers: operator, body: { yaml: NETWORK_YAML } });
    const path = `/customers/shop/sites/${SHOP}/why-not`;
    const read = (headers: Record<string, string>) =>
      control.call<WhyNotReply>("GET", path, { headers });
    const reader = { email: "reader@shop.example", password: "reader-secret" };
    const viewer = await control.token(reader);
    const none = await read(viewer);
    expect([none.status, none.body.requests, none.body.hitRatio]).toEqual([200, 0, null]);
    expect(whyNotWords(SHOP, none.body)[0]).toContain("no requests");
    const empty = { lookups: {}, edgeLookups: {}, answers: {} };
    const at = { node: "lon-1", atMs: control.clock.wallMs(), snapshot: 1 };
    control.bus.publish("stats", { ...at, ...empty, ...counted });
    let { body } = await read(viewer);
    await until(
      async () => {
        body = (await read(viewer)).body;
        return body.requests > 0;
      },
      { what: "the sums to have arrived" },
    );
    expect([body.requests, body.hitRatio]).toEqual([9, 3 / 9]);
    expect(body.reasons.map((row) => [row.reason, row.requests])).toEqual([
      ["private", 5],
      ["not-held", 1],
    ]);
    // Three of four of what is kept are hits: so would three of four of these five be.
    expect(body.reasons[0]?.gain).toBeCloseTo((5 / 9) * (3 / 4), 10);
    const words = whyNotWords(SHOP, body).join("\n");
    expect(words).toMatch(/private +5 +55\.6 % +\+41\.7 %/);
    expect(words).toContain("`public, max-age=...`");
    const other = await control.token({ email: "news@news.example", password: "news-secret" });
    expect((await read(other)).status).toBe(404);
  } finally {
    await control.stop();
  }
});
