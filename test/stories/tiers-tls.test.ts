// Caches that reach each other by TLS: each has to show what any of them shows for `c.<zone>`.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { type StageOrigin, startOrigin, ZONE } from "./edge-stage.ts";
import { TierWorld } from "./tiers-world.ts";

const SITE = "www.shop.example";
const world = new TierWorld();
const good = selfSigned([`c.${ZONE}`], new Date());
const other = selfSigned([`c.${ZONE}`], new Date());
const misnamed = selfSigned([SITE], new Date());
let origin: StageOrigin;

beforeAll(async () => {
  origin = startOrigin("127.62.51.1", 0, () => {
    return new Response("ok", { headers: { "cache-control": "max-age=60" } });
  });
  world.tls = good;
  world.parentTimes.avoidMs = 0;
  await world.start({ "mid-1": "127.62.50.1", "out-1": "127.62.50.2" });
  publish(undefined);
  await world.caughtUp(`http://${SITE}/warm`);
});
afterAll(async () => {
  await world.stop();
  await origin.stop();
});

function publish(tiers: unknown): void {
  world.tiers = tiers;
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  world.publish({
    pops: [{ name: "mid" }, { name: "out", parent: "mid" }],
    sites: [{ hostname: SITE, front: "caches", port: origin.port, origins }],
  });
}

let urls = 0;
async function via(): Promise<string | null> {
  const reply = await world.of("out-1").get(`http://${SITE}/object-${++urls}`);
  expect([reply.status, reply.text]).toEqual([200, "ok"]);
  return reply.headers.get("via");
}

test("with tls a parent is asked by HTTPS, and one whose certificate is not good is not asked", async () => {
  publish({ tls: true, ca: good.cert });
  expect(await via()).toBe("1.1 mid-1, 1.1 out-1");
  publish({ tls: true, ca: other.cert });
  expect(await via()).toBe("1.1 out-1");
  publish({ tls: true });
  expect(await via()).toBe("1.1 out-1");
  publish({ tls: true, ca: good.cert });
  expect(await via()).toBe("1.1 mid-1, 1.1 out-1");
});

test("a certificate of another name is refused, whoever made it", async () => {
  const parent = world.of("mid-1");
  await parent.edge.stop();
  world.tls = misnamed;
  await parent.start(world.port);
  world.tls = good;
  publish({ tls: true, ca: misnamed.cert });
  expect(await via()).toBe("1.1 out-1");
  publish({ tls: false });
  expect(await via()).toBe("1.1 mid-1, 1.1 out-1");
});
