import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Rule } from "../model/rules.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const SITE = "/customers/shop/sites/www.shop.example";

let world: ControlWorld;
let headers: Record<string, string>;
beforeAll(async () => {
  world = await startControlWorld();
  headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
});
afterAll(() => world.stop());

/** Changes the site; gives the rules that the published snapshot then has. */
async function put(body: unknown): Promise<readonly Rule[] | undefined> {
  expect((await world.call("PUT", SITE, { headers, body })).status).toBe(200);
  const reply = await world.bus.request("snapshot.latest", { have: 0 }, 1_000);
  return reply?.sites.find((site) => site.hostname === "www.shop.example")?.rules;
}

const FIRST = { name: "first", match: { path: ["/a/*"] }, https: true };
const SECOND = { name: "second", match: { path: ["/*"] }, compress: true };

test("rules come into the snapshot through the API, and stay where a change leaves them out", async () => {
  expect((await put({ rules: [FIRST, SECOND] }))?.map((rule) => rule.name)).toEqual([
    "first",
    "second",
  ]);
  expect((await put({ ttlSec: 30 }))?.length).toBe(2);
  const { body } = await world.call<{ site: { rules?: Rule[] } }[]>(
    "GET",
    "/customers/shop/sites",
    {
      headers,
    },
  );
  expect(body[0]?.site.rules?.[0]).toMatchObject(FIRST);
});

test("another order of the same rules is a change", async () => {
  expect((await put({ rules: [SECOND, FIRST] }))?.map((rule) => rule.name)).toEqual([
    "second",
    "first",
  ]);
  expect(await put({ rules: [] })).toBeUndefined();
});

test("all that is wrong with rules is told at once, by its path", async () => {
  const rules = [
    {
      name: "a",
      match: { path: ["a", "/?"] },
      request: { set: { "cdn-loop": "x" }, remove: ["via"] },
    },
    { name: "a", redirect: { to: "//evil.example/" } },
  ];
  type Told = { readonly problems: readonly { readonly path: string }[] };
  const { status, body } = await world.call<Told>("PUT", SITE, { headers, body: { rules } });
  const paths = body.problems.map((problem) => problem.path);
  expect([status, ...paths]).toEqual([
    ...[422, "rules.0.match.path.0", "rules.0.match.path.1"],
    ...["rules.0.request.set.cdn-loop", "rules.0.request.remove.0", "rules.1.redirect.to"],
  ]);
});
