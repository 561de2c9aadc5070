// What is wrong with one customer's site, or escapes a handler, is nobody else's matter (threats.md 1.3).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { listen } from "../../src/edge/listen.ts";
import type { Rule } from "../../src/model/rules.ts";
import {
  Stage,
  type StageOrigin,
  type StageSite,
  snapshotOf,
  startOrigin,
  ZONE,
} from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const GOOD = "www.good.example";
const BAD = "www.bad.example";

let origin: StageOrigin;
let stage: Stage;
const ways = new TwoWays(() => stage);

beforeAll(async () => {
  origin = startOrigin("127.75.6.1", 0, () => new Response("here"));
  const { address, port } = origin;
  const siteOf = (hostname: string, customer: string): StageSite => ({
    ...{ hostname, customer, port, front: "caches" },
    origins: [{ name: "o1", v4: address, port }],
  });
  stage = new Stage(snapshotOf([siteOf(GOOD, "good"), siteOf(BAD, "bad")]), "127.75.9.7");
  await stage.start({ tls: selfSigned([GOOD, BAD], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
});

test("rules that no parser would let through and that cannot be compiled stop their own site only", async () => {
  const fine = stage.snapshot;
  const poison = [
    { name: "a", match: { path: [5] } },
    { name: "b", match: null },
    { name: "c", match: {}, access: { allow: { prefixes: "all" } } },
    null,
  ];
  for (const rule of poison) {
    const rules = [rule] as unknown as Rule[];
    const sites = fine.sites.map((site) => (site.hostname === BAD ? { ...site, rules } : site));
    stage.publish({ ...fine, sites });
    for (const [, get] of ways.both) {
      expect((await get(`http://${GOOD}/x`)).text).toBe("here");
      for (const url of [
        `http://${BAD}/x`,
        `http://c.${ZONE}/${BAD}/x`,
        `http://${BAD}.${ZONE}/x`,
      ]) {
        const said = await get(url);
        expect([JSON.stringify(rule), said.status]).toEqual([JSON.stringify(rule), 500]);
      }
    }
  }
  stage.publish(fine);
  for (const [, get] of ways.both) expect((await get(`http://${BAD}/x`)).text).toBe("here");
});

test("what escapes a handler is answered with nothing of it", async () => {
  for (const fault of [() => Promise.reject(new Error("secret")), () => thrown("secret")]) {
    const listening = await listen(fault, { hosts: ["127.75.9.8"], port: 0 });
    const said = await fetch(`http://127.75.9.8:${listening.port}/`);
    const text = await said.text();
    expect([said.status, text]).toEqual([500, "This cache made a mistake\n"]);
    expect(said.headers.get("cache-control")).toBe("no-store");
    await listening.stop();
  }
});

function thrown(words: string): never {
  throw new Error(words);
}
