import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededRng } from "../../src/base/rng.ts";
import { type Files, type OpenFile, realFiles } from "../../src/edge/cache/mod.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, ZONE } from "./edge-stage.ts";

const SHOP = "www.shop.example";
const ROUNDS = 6;
const REQUESTS = 72;
/** Small ones that memory may hold, and large ones that are on disk alone. */
const SIZES = [700, 20_000, 300_000, 1_300_000];

/** Which acts fail at present, and how; `short` writes a part and says so. */
let faults: Readonly<Record<string, string>> = {};
const rng = seededRng(3);
let failed = 0;

function mayFail(act: string): void {
  const code = faults[act];
  if (code === undefined || code === "short" || rng.float() < 0.5) return;
  failed++;
  throw Object.assign(new Error(`${code}: ${act}`), { code });
}

function openFaulty(file: OpenFile): OpenFile {
  return {
    async read(into, offset, length, position) {
      mayFail("read");
      return file.read(into, offset, length, position);
    },
    async write(from, offset, length, position) {
      mayFail("write");
      if (faults.write !== "short") return file.write(from, offset, length, position);
      failed++;
      return file.write(from, offset, length >> 1, position);
    },
    async sync() {
      mayFail("sync");
      return file.sync();
    },
    close: () => file.close(),
  };
}

/** The real disk, with faults put in between. */
const files: Files = {
  ...realFiles,
  async readWhole(path) {
    mayFail("read");
    return realFiles.readWhole(path);
  },
  async writeWhole(path, bytes) {
    const isShort = faults.write === "short";
    if (isShort || faults.write !== undefined) {
      await realFiles.writeWhole(path, bytes.subarray(0, bytes.byteLength >> 1));
    }
    if (isShort) failed++;
    if (isShort) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    mayFail("write");
    return realFiles.writeWhole(path, bytes);
  },
  async open(path, flags) {
    mayFail("open");
    return openFaulty(await realFiles.open(path, flags));
  },
  async link(from, to) {
    mayFail("link");
    return realFiles.link(from, to);
  },
  async rename(from, to) {
    mayFail("rename");
    return realFiles.rename(from, to);
  },
  async unlink(path) {
    mayFail("unlink");
    return realFiles.unlink(path);
  },
};

let origin: StageOrigin;
let stage: Stage;

const bodies = new Map<string, Uint8Array<ArrayBuffer>>();

/** Blocks of different bytes, with the path in each. */
function bodyOf(path: string): Uint8Array<ArrayBuffer> {
  const known = bodies.get(path);
  if (known !== undefined) return known;
  const body = Buffer.alloc(Number(path.split("/")[1]));
  for (let at = 0; at < body.byteLength; at += 4_096) body.write(`${path} ${at} `, at);
  bodies.set(path, new Uint8Array(body));
  return bodies.get(path)!;
}

beforeAll(async () => {
  origin = startOrigin("127.88.3.1", 0, (asked) => {
    const headers = { "cache-control": "max-age=600", etag: '"1"', "content-type": "image/png" };
    const { pathname, search } = new URL(asked.url);
    return new Response(bodyOf(pathname + search), { headers });
  });
  const { port } = origin;
  const origins = [{ name: "o1", v4: origin.address, port }];
  const site = { customer: "shop", hostname: SHOP, port, origins };
  stage = new Stage(snapshotOf([site]), "127.88.3.9");
  await stage.start({ memoryBytesMax: 1024 * 1024, diskBytesMax: 16 * 1024 * 1024, files });
});
afterAll(async () => {
  faults = {};
  await stage.stop();
  await origin.stop();
});

/** A whole answer, or null where it was broken off. */
async function read(path: string): Promise<{ status: number; body: Uint8Array } | null> {
  const reply = await stage.get(`http://${SHOP}.${ZONE}${path}`).catch(() => null);
  return reply === null ? null : { status: reply.status, body: reply.body };
}

for (const [what, which] of [
  ["what is read fails", { read: "EIO" }],
  ["what is written fails", { write: "EIO" }],
  ["writes are short", { write: "short" }],
  ["the disk is full", { write: "ENOSPC", rename: "ENOSPC", link: "ENOSPC" }],
  ["what is synced fails", { sync: "EIO" }],
  ["nothing can be opened", { open: "EIO", link: "EIO" }],
  ["nothing can be renamed or removed", { rename: "EIO", unlink: "EIO" }],
] as const) {
  test(`where ${what}, no byte is wrong, and all is well again with the disk`, async () => {
    let whole = 0;
    const before = failed;
    for (let round = 0; round < ROUNDS; round++) {
      // What was stored well is asked for with faults, and what was not without them.
      faults = round % 2 === 0 ? {} : which;
      const asked = Array.from({ length: REQUESTS / ROUNDS }, async () => {
        const size = SIZES[Math.floor(rng.float() * SIZES.length)];
        // Half of what is asked for with faults is held already.
        const name = rng.float() < 0.5 ? round : round >> 1;
        const path = `/${size}/${name}/${Math.floor(rng.float() * 3)}?${encodeURI(what)}`;
        const reply = await read(path);
        if (reply === null) return;
        expect([path, reply.status]).toEqual([path, 200]);
        expect(Buffer.compare(reply.body, bodyOf(path))).toBe(0);
        whole++;
      });
      await Promise.all(asked);
    }
    faults = {};
    for (const size of SIZES) {
      const path = `/${size}/0/1?${encodeURI(what)}`;
      const reply = await read(path);
      expect(reply === null ? 0 : Buffer.compare(reply.body, bodyOf(path))).toBe(0);
    }
    // Where a block cannot be read when half of them have left, the answer is broken off.
    expect(whole).toBeGreaterThan(REQUESTS / 2);
    expect(failed).toBeGreaterThan(before);
  });
}
