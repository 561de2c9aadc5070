// A file system smaller than the cap that the node file gives the disk tier: it fills up for real.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { seededRng } from "../../src/base/rng.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";

const SHOP = "www.shop.example";
const FILE_SYSTEM_BYTES = 4 * 1024 * 1024;
const REQUESTS = 400;
/** Small ones that memory may hold, and large ones that are on disk alone. */
const SIZES = [700, 20_000, 200_000, 1_300_000];

/** Whether a file system can be mounted here. */
const PROBE = "d=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs $d && umount $d && rmdir $d";

let stage: Stage;
let origin: StageOrigin;
const mounted = spawnSync("sh", ["-c", PROBE]).status === 0;
const why = mounted ? "" : " [skipped: no file system can be mounted here]";
let version = 1;

function bodyOf(path: string, of: number): Buffer {
  const number = Number(/\d+/.exec(path)?.[0]);
  const bytes = SIZES[number % SIZES.length]!;
  return Buffer.alloc(bytes, `${path} of version ${of}; `);
}

beforeAll(async () => {
  origin = startOrigin("127.76.3.1", 0, (asked) => {
    const etag = `"${version}"`;
    const headers = { "cache-control": "max-age=600", etag, "content-type": "image/png" };
    if (asked.headers.get("if-none-match") === etag)
      return new Response(null, { status: 304, headers });
    return new Response(new Uint8Array(bodyOf(new URL(asked.url).pathname, version)), { headers });
  });
  const { port, address } = origin;
  const origins = [{ name: "o1", v4: address, port }];
  stage = new Stage(
    snapshotOf([{ customer: "shop", hostname: SHOP, port, origins }]),
    "127.76.3.9",
  );
  const options = `size=${FILE_SYSTEM_BYTES}`;
  if (mounted) spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", stage.dir]);
  await stage.start({ memoryBytesMax: 8 * 1024 * 1024 });
});
afterAll(async () => {
  await stage.edge.stop();
  if (mounted) spawnSync("umount", [stage.dir]);
  await stage.stop();
  await origin.stop();
});

const get = (path: string) => stage.get(`http://${SHOP}.${ZONE}${path}`);

async function askForMany(seed: number): Promise<number> {
  const rng = seededRng(seed);
  let hits = 0;
  for (let i = 0; i < REQUESTS; i += 8) {
    const paths = Array.from({ length: 8 }, () => `/${Math.floor(rng.float() * 60)}.png`);
    const replies = await Promise.all(paths.map(get));
    for (const [n, reply] of replies.entries()) {
      expect(reply.status).toBe(200);
      expect(reply.body.equals(bodyOf(paths[n]!, version))).toBe(true);
      if (reply.headers.get("cache-status")!.includes("; hit")) hits++;
    }
  }
  return hits;
}

const words = "a file system that is full costs hits, and neither a byte, a request nor a purge";
test.skipIf(!mounted)(`${words}${why}`, async () => {
  expect(await askForMany(1)).toBeGreaterThan(0);
  for (let round = 2; round < 4; round++) {
    version++;
    const number = stage.purgeLog.length + 1;
    const purge = {
      number,
      atMs: 0,
      customer: "shop",
      site: SHOP,
      path: "/",
      scope: "site" as const,
    };
    stage.purgeLog.push(purge);
    stage.bus.publish("purge", purge);
    // What large objects leave free, it leaves when nobody can be about to open them any more.
    await until(() => stage.acks.some((ack) => ack.number === number), 30_000);
    await askForMany(round);
  }
});
