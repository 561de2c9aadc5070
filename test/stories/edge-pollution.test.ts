// A customer whose users ask for ever new URLs takes nothing of what another's users find (H18).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const QUIET = "www.quiet.example";
const LOUD = "www.loud.example";
/** URLs that nobody asks for twice, over HTTP/2; over HTTP/1.1 no more than a hundred thousand. */
const UNIQUE = Number(process.env.TURNPIKE_UNIQUE_URLS ?? 2_000);
const OBJECTS = 50;
/** Of the loud customer, for each one of the quiet one's. */
const EACH = 10;
const OBJECT_BYTES = 4_000;
const MEMORY_BYTES = 4 * 1024 * 1024;
const DISK_BYTES = 3 * 1024 * 1024;
const MIB = 1024 * 1024;

const figures: Record<string, unknown> = {};

let origin: StageOrigin;
let stage: Stage;
const ways = new TwoWays(() => stage);

beforeAll(async () => {
  const body = "x".repeat(OBJECT_BYTES);
  const headers = { "cache-control": "max-age=600" };
  origin = startOrigin("127.68.1.1", 0, () => new Response(body, { headers }));
  const { address, port } = origin;
  const site = { port, front: "caches" as const, origins: [{ name: "o1", v4: address, port }] };
  const sites = [
    { ...site, hostname: QUIET, customer: "quiet" },
    { ...site, hostname: LOUD, customer: "loud" },
  ];
  stage = new Stage(snapshotOf(sites), "127.68.9.2");
  const tls = selfSigned([QUIET, LOUD], new Date());
  await stage.start({ tls, memoryBytesMax: MEMORY_BYTES, diskBytesMax: DISK_BYTES });
});
afterAll(async () => {
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
  ways.close();
  await stage.stop();
  await origin.stop();
});

for (const [via, get] of ways.both) {
  const path = (n: number) => `/${via.replace(/\D/g, "")}/${n}`;

  test(
    `over ${via}: thousands of URLs that nobody asks for twice cost another's hit ratio a point at most (H18)`,
    async () => {
      for (let round = 0; round < 2; round++)
        for (let n = 0; n < OBJECTS; n++) await get(`http://${QUIET}${path(n)}`);
      let hits = 0;
      let fetched = 0;
      const asked = Math.min(UNIQUE, via === "HTTP/2" ? UNIQUE : 100_000) / EACH;
      let rssBytes = 0;
      for (let n = 0; n < asked; n++) {
        const flood = Array.from({ length: EACH }, (_, i) =>
          get(`http://${LOUD}${path(n * EACH + i)}`),
        );
        const said = await get(`http://${QUIET}${path(n % OBJECTS)}`);
        if (said.headers.get("cache-status")?.includes("; hit")) hits++;
        for (const one of await Promise.all(flood)) expect(one.status).toBe(200);
        fetched += origin.log.splice(0).length;
        // By then all that has a bound has reached it.
        if (n === Math.floor(asked / 4)) rssBytes = rssNow();
      }
      const grownBytes = rssNow() - rssBytes;
      figures[via] = { unique: asked * EACH, asked, hits, grownBytes };
      // Many times what fits in memory for 1 MB of objects and a disk tier of 3 MB came by.
      expect(fetched).toBeGreaterThanOrEqual(asked * EACH);
      expect(hits / asked).toBeGreaterThanOrEqual(0.99);
      expect(grownBytes).toBeLessThan(64 * MIB);
    },
    60_000 + 2 * UNIQUE,
  );
}

function rssNow(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}
