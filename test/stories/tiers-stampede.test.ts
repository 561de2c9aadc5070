// What tiers are for: crowds at many caches cost a web server one fetch.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededRng } from "../../src/base/rng.ts";
import { type StageOrigin, startOrigin, until } from "./edge-stage.ts";
import { TierWorld } from "./tiers-world.ts";

const SITE = "www.shop.example";
const EDGES = 5;
const CROWD = 1_000;

const world = new TierWorld();
let origin: StageOrigin;
let open = true;
const waiting: (() => void)[] = [];

beforeAll(async () => {
  origin = startOrigin("127.62.41.1", 0, async () => {
    if (!open) await new Promise<void>((go) => waiting.push(go));
    return new Response("object", { headers: { "cache-control": "max-age=600" } });
  });
  const outs = Array.from({ length: EDGES }, (_, i) => [`out-${i + 1}`, `127.62.40.${i + 1}`]);
  await world.start({
    ...Object.fromEntries(outs),
    ...{ "mid-1": "127.62.40.11", "mid-2": "127.62.40.12" },
  });
  publish({ parent: "mid" });
  await world.caughtUp(`http://${SITE}/warm`);
});
afterAll(async () => {
  await world.stop();
  await origin.stop();
});

function publish(out: Record<string, unknown>): void {
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  world.publish({
    pops: [{ name: "mid" }, { name: "out", ...out }],
    sites: [{ hostname: SITE, front: "caches", port: origin.port, origins }],
  });
}
const edges = () => world.nodes.slice(0, EDGES);

for (const [what, out] of [
  ["that have a parent pop", { parent: "mid" }],
  ["of one pop that is tier: inside", { tier: "inside" }],
] as const) {
  test(`1,000 clients at 5 caches ${what}, all at once: one fetch (H19)`, async () => {
    publish(out);
    origin.log.length = 0;
    open = false;
    const url = `http://${SITE}/crowd-${Object.keys(out)[0]}`;
    const coming = Array.from({ length: CROWD }, (_, i) => edges()[i % EDGES]!.get(url));
    await until(() => waiting.length > 0, 20_000);
    // Every cache has been asked by somebody, and what they want is at the origin once.
    await Promise.all(edges().map((node) => node.get("http://x/.well-known/turnpike/health")));
    open = true;
    for (const go of waiting.splice(0)) go();
    const said = await Promise.all(coming);
    expect(new Set(said.map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set(["200 object"]),
    );
    expect(origin.log.length).toBe(1);
  }, 60_000);
}

test("with tiers of either form a web server sees one fetch an object, without them almost one for each cache", async () => {
  const fetches: Record<string, number> = {};
  for (const [kind, out] of [
    ["none", {}],
    ["parent", { parent: "mid" }],
    ["inside", { tier: "inside" }],
  ] as const) {
    publish(out);
    origin.log.length = 0;
    const rng = seededRng(7);
    const urls = new Set<string>();
    const asked = Array.from({ length: 1_500 }, () => {
      // Popularity by Zipf's law over 60 objects.
      const object = Math.floor(60 ** rng.float());
      const edge = Math.floor(rng.float() * EDGES);
      urls.add(`/${kind}-${object}`);
      return { edge, path: `/${kind}-${object}` };
    });
    for (let i = 0; i < asked.length; i += 50) {
      const some = asked.slice(i, i + 50);
      await Promise.all(some.map(({ edge, path }) => edges()[edge]!.get(`http://${SITE}${path}`)));
    }
    fetches[kind] = origin.log.length;
    expect([kind, fetches[kind]! >= urls.size]).toEqual([kind, true]);
    if (kind !== "none") expect([kind, fetches[kind]]).toEqual([kind, urls.size]);
  }
  process.stdout.write(`1,500 requests at 5 caches: fetches ${JSON.stringify(fetches)}\n`);
  expect(fetches.none! / fetches.parent!).toBeGreaterThan(3);
}, 60_000);
