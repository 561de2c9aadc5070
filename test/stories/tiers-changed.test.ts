// What an unsafe method changed, no cache serves from before: not the one it went through, nor another.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../lab/process.ts";
import { type Reply, type StageOrigin, startOrigin } from "./edge-stage.ts";
import { type TierNode, TierWorld } from "./tiers-world.ts";

const SITE = "www.shop.example";

const world = new TierWorld();
let origin: StageOrigin;
let [out, two]: TierNode[] = [];
let answer: (request: Request) => Response | Promise<Response>;

beforeAll(async () => {
  origin = startOrigin("127.77.1.1", 0, (request) => answer(request));
  answer = said("ok");
  await world.start({
    ...{ "mid-1": "127.77.1.2", "out-1": "127.77.1.3", "out-2": "127.77.1.4" },
  });
  [, out, two] = world.nodes;
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: SITE, front: "caches", port: origin.port, origins };
  world.publish({ pops: [{ name: "mid" }, { name: "out", parent: "mid" }], sites: [site] });
  await world.caughtUp(fresh());
});
afterAll(async () => {
  await world.stop();
  await origin.stop();
});

let urls = 0;
const fresh = () => `http://${SITE}/object-${++urls}.txt`;
const said = (text: string, fields: Record<string, string> = {}) => {
  return (_: Request) =>
    new Response(text, { headers: { "cache-control": "max-age=60", ...fields } });
};
const status = (reply: Reply) => reply.headers.get("cache-status");

test("after a POST its cache serves nothing of before, whatever the parent holds", async () => {
  let text = "before";
  answer = (request) => {
    if (request.method === "POST") text = "after";
    return said(text)(request);
  };
  const url = fresh();
  for (const node of [out!, two!]) await node.get(url);
  await out!.get(url, {}, "POST");
  expect((await out!.get(url)).text).toBe("after");
});

test("after a POST no other cache serves what was before, nor takes it from a parent that holds it still", async () => {
  let text = "before";
  for (const hearing of [() => world.nodes, () => [out!, two!]]) {
    text = "before";
    const [url, listed] = [fresh(), fresh()];
    // What an answer names beside its own URL goes with it.
    const headers = { location: new URL(listed).pathname };
    answer = (request) => {
      if (request.method !== "POST") return said(text)(request);
      text = "after";
      return new Response("done", { headers });
    };
    for (const at of [url, listed]) {
      for (const node of [out!, two!]) expect((await node.get(at)).text).toBe("before");
    }
    world.changesTo = hearing;
    expect((await out!.get(url, {}, "POST")).text).toBe("done");
    const ended = async (at: string) => (await two!.get(at)).text === "after";
    await until(async () => (await ended(url)) && (await ended(listed)), {
      what: "the other cache to have ended both",
    });
    world.changesTo = null;
    const held = async () => status(await two!.get(url))!.includes("out-2; hit");
    await until(held, { what: "what was fetched since to be held" });
  }
});

test("of a POST that fails, and of another customer's site, nothing ends anywhere", async () => {
  answer = (request) =>
    request.method === "POST" ? new Response("no", { status: 409 }) : said("before")(request);
  const url = fresh();
  for (const node of [out!, two!]) await node.get(url);
  let told = 0;
  world.changesTo = () => {
    told++;
    return world.nodes;
  };
  await out!.get(url, {}, "POST");
  const path = new URL(url).pathname;
  const of = [{ customer: "other", site: SITE, paths: [path], groups: [] }];
  out!.bus.publish("edge.changed", { node: "out-1", of });
  await until(() => told === 1, { what: "the other caches to be told" });
  world.changesTo = null;
  for (const node of [out!, two!]) {
    expect(status(await node.get(url))).toContain(`${node.name}; hit`);
  }
});

/** A URL of a group of objects, held by both caches as `before`; any POST from now on ends the group. */
async function heldOfGroup(): Promise<string> {
  let text = "before";
  const groups = { "cache-groups": '"goods"' };
  answer = (request) => {
    if (request.method !== "POST") return said(text, groups)(request);
    text = "after";
    return said("done", { "cache-group-invalidation": '"goods"' })(request);
  };
  const url = fresh();
  for (const node of [two!, out!]) expect((await node.get(url)).text).toBe("before");
  return url;
}

test("cache groups that an answer ended end at the other caches as well (RFC 9875)", async () => {
  const url = await heldOfGroup();
  world.changesTo = () => world.nodes;
  await out!.get(fresh(), {}, "POST");
  await until(async () => (await two!.get(url)).text === "after", { what: "the group to end" });
  world.changesTo = null;
});

test("cache groups that an answer here ended are not taken from the parent again (RFC 9875)", async () => {
  const url = await heldOfGroup();
  await out!.get(fresh(), {}, "POST");
  expect((await out!.get(url)).text).toBe("after");
  expect(status(await out!.get(url))).toStartWith("out-1; hit");
});
