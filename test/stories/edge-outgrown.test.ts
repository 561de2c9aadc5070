// An object that has become too large for memory is held on disk as others are: it is a hit again, it is renewed
// behind a client's back, and who waits for it gets it also where the one who fetched it wants none of it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const SHOP = "www.shop.example";
const SMALL = 1_000;
const LARGE = 2_500_000;

let origin: StageOrigin;
let stage: Stage;
const ways = new TwoWays(() => stage);
let bytes = SMALL;
/** Answers wait for it. */
let held: Promise<void> = Promise.resolve();

beforeAll(async () => {
  origin = startOrigin("127.84.1.1", 0, async (request) => {
    const { pathname } = new URL(request.url);
    await held;
    const control = pathname.endsWith("/swr") ? ", stale-while-revalidate=1000" : "";
    const headers = {
      "cache-control": `max-age=10${control}`,
      "content-type": "text/plain",
      vary: "accept",
    };
    return new Response("x".repeat(bytes), { headers });
  });
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: SHOP, customer: "shop", port: origin.port, front: "caches" as const };
  stage = new Stage(snapshotOf([{ ...site, origins }]), "127.84.1.9");
  await stage.start({ tls: selfSigned([SHOP], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.log.length = 0;
  bytes = SMALL;
});

for (const [via, get] of ways.both) {
  const at = (path: string) => `http://${SHOP}/${via.replace(/\D/g, "")}${path}`;

  describe(`over ${via}`, () => {
    test("what outgrows memory is fetched once and then a hit, and other variants stay where they are", async () => {
      await get(at("/grows"));
      await get(at("/grows"), { fields: { accept: "text/css" } });
      bytes = LARGE;
      stage.clock.advance(20_000);
      const grown = await get(at("/grows"));
      expect([grown.body.length, origin.log.length]).toEqual([LARGE, 3]);
      expect(grown.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=200; stored");
      for (let i = 0; i < 3; i++) expect((await get(at("/grows"))).body.length).toBe(LARGE);
      expect(origin.log.length).toBe(3);
      bytes = SMALL;
      const other = await get(at("/grows"), { fields: { accept: "text/css" } });
      expect(other.headers.get("cache-status")).toContain("fwd=stale");
    });

    test("what outgrows memory while it is served stale is renewed all the same, by one fetch", async () => {
      await get(at("/swr"));
      bytes = LARGE;
      stage.clock.advance(20_000);
      const stale = await get(at("/swr"), {
        fields: { "if-none-match": '"x"', range: "bytes=0-" },
      });
      expect(stale.headers.get("cache-status")).toContain("stale-while-revalidate");
      await comesTo(LARGE, async () => (await get(at("/swr"))).body.length);
      expect(origin.log.length).toBe(2);
    });

    test("who waits for a large object is not left alone by a first one who wants none of it (H19)", async () => {
      bytes = LARGE;
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      const first = get(at("/first"), { fields: { "if-none-match": "*" } });
      await until(() => origin.log.length === 1);
      const others = Array.from({ length: 10 }, () => get(at("/first")));
      // Over HTTP/2 they have all been heard once this is answered.
      await get(`http://${SHOP}/.well-known/turnpike/health`);
      resolve();
      expect((await first).status).toBe(304);
      for (const { status, body } of await Promise.all(others)) {
        expect([status, body.length]).toEqual([200, LARGE]);
      }
      // Who comes only when the first has left makes one more.
      expect(origin.log.length).toBeLessThanOrEqual(2);
    });
  });
}

/** Asks again until it is so, ten seconds at most. */
async function comesTo(wanted: number, asked: () => Promise<number>): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const found = await asked();
    if (found === wanted || performance.now() > end) {
      expect(found).toBe(wanted);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
