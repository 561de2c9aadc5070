import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { whyWords } from "../../src/cli/commands/why.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import type { WhyReply } from "../../src/model/api/mod.ts";
import type { WhyHere } from "../../src/model/why.ts";
import { isHit, RulesWorld, SHOP } from "./edge-rules-stage.ts";
import { until, ZONE } from "./edge-stage.ts";

// The control plane hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const w = new RulesWorld("127.116");
const RULES = [
  { name: "bare", match: { path: ["/img/*"] }, key: { query: "none", device: true } },
  { name: "long", match: { path: ["/img/*"] }, ttl: [{ edgeSec: 600 }] },
  { name: "old", match: { path: ["/old/*"] }, redirect: { status: 301, to: "/new" } },
  { name: "staff", match: { path: ["/staff/*"] }, access: { allow: ["203.0.113.0/24"] } },
  { name: "slow", rate: { perSec: 1, burst: 50 } },
];
let asked = 0;

beforeAll(() => w.start(RULES));
afterAll(() => w.stop());

/** Asks the cache over the bus, as the control plane does. */
async function why(
  path: string,
  more: { method?: string; client?: string } = {},
): Promise<WhyHere> {
  const { bus } = w.stage;
  const id = `ask-${asked++}`;
  let told: WhyHere | null | undefined;
  const unsubscribe = bus.subscribe("why.told", (one) => {
    if (one.id === id) told = one.told;
  });
  const ask = { method: "GET", client: "192.0.2.1", ...more, fields: {} };
  bus.publish("why.ask", { id, url: `http://${SHOP}${path}`, ...ask });
  await until(() => told !== undefined);
  unsubscribe();
  if (told == null) throw new Error("The cache knows the site");
  return told;
}

test("what is told is what is then served, from miss to hit to stale to purged", async () => {
  const path = "/img/a.css?utm=1";
  const miss = await why(path);
  expect([miss.verdict, miss.reason, miss.path, miss.held]).toEqual([
    "miss",
    "not-held",
    "/img/a.css",
    null,
  ]);
  expect(miss.rules).toEqual(["bare", "long", "slow"]);
  expect(miss.decided).toContainEqual({ setting: "ttl", rule: "long" });
  expect(miss.parts).toEqual([{ name: ":device", value: "7 desktop" }]);
  expect(isHit(await w.http1(path))).toBe(false);
  const hit = await why(path);
  expect([hit.verdict, hit.held?.from, hit.held?.lifetimeSec]).toEqual(["hit", "rule", 600]);
  expect(isHit(await w.http1(path))).toBe(true);
  w.stage.clock.advance(601_000);
  expect((await why(path)).reason).toBe("stale");
  expect((await w.http1(path)).headers.get("cache-status")).toContain("fwd=stale");
  await w.stage.purge("shop", SHOP, path, { soft: true });
  expect((await why(path)).reason).toBe("purged");
  await w.stage.purge("shop", SHOP, path);
  expect((await why(path)).reason).toBe("not-held");
});

test("what a rule answers, what is not shared and what is another variant is told as such", async () => {
  expect(await why("/old/x")).toMatchObject({ verdict: "answered", reason: "301 /new" });
  expect(await why("/staff/x")).toMatchObject({ verdict: "answered", reason: "403 not-allowed" });
  const inside = await why("/staff/x", { client: "203.0.113.9" });
  expect([inside.verdict, inside.reason]).toEqual(["miss", "not-held"]);
  expect(await why("/x", { method: "POST" })).toMatchObject({ verdict: "pass", reason: "method" });
  await w.http1("/own?cc=private");
  expect((await why("/own?cc=private")).reason).toBe("not-shared");
  await w.http1("/img/b.css", { "user-agent": "Mozilla/5.0 (iPhone) Mobile" });
  expect((await why("/img/b.css")).reason).toBe("other-variant");
});

test("asking fetches nothing, counts nothing and takes from no bucket", async () => {
  const usage = { ...w.stage.usageOf("shop", SHOP) };
  const fetches = w.origin.log.length;
  for (let i = 0; i < 100; i++) await why("/img/quiet.css");
  expect(w.stage.usageOf("shop", SHOP)).toEqual(usage);
  expect(w.origin.log.length).toBe(fetches);
  expect((await w.http1("/img/quiet.css")).status).toBe(200);
});

test("the control plane asks every cache, names the silent, and tells nobody of another's site", async () => {
  const control: ControlWorld = await startControlWorld();
  try {
    const headers = await control.token(OPERATOR);
    await control.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
    const url = `http://c.${ZONE}/www.shop.example/a.png`;
    const call = (more: Record<string, string>) =>
      control.call<WhyReply>("POST", "/why", { headers: more, body: { url } });
    const silent = await call(headers);
    expect([silent.status, silent.body.silent, silent.body.form]).toEqual([200, ["lon-1"], "path"]);
    const here: WhyHere = {
      ...{ verdict: "miss", reason: "not-held", path: "/a.png", held: null },
      ...{ parts: [], rules: ["one"], decided: [{ setting: "ttl", rule: "one" }] },
    };
    control.bus.subscribe("why.ask", ({ id }) => {
      control.bus.publish("why.told", { id, node: "lon-1", told: here });
    });
    const { body } = await call(headers);
    expect(body.caches).toEqual([{ node: "lon-1", here: structuredClone(here) as never }]);
    const words = whyWords(body).join("\n");
    expect(words).toContain("lon-1: miss (not-held)");
    expect(body.about.map(({ reason }) => reason)).toEqual(["not-held"]);
    expect(words).toContain(`not-held: ${body.about[0]?.means}.\n   ${body.about[0]?.fix}`);
    const other = await control.token({ email: "news@news.example", password: "news-secret" });
    expect((await call(other)).status).toBe(404);
  } finally {
    await control.stop();
  }
});
