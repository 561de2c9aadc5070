import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { cacheKey } from "../../policy/caching/mod.ts";
import { decodeFile } from "./disk-format.ts";
import { Cache, DiskTier, MemoryTier, type ObjectMeta, Spool, sealMeta } from "./mod.ts";

const WHOLE = 100_000;
/** A small file system to fill, or null where none can be mounted. */
function mountSmall(): string | null {
  const small = mkdtempSync(join(tmpdir(), "turnpike-full-"));
  const done = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", small]);
  if (done.status === 0) return small;
  rmSync(small, { recursive: true, force: true });
  return null;
}
const small = mountSmall();
const why = small === null ? " [skipped: no file system can be mounted here]" : "";
afterAll(() => {
  if (small === null) return;
  spawnSync("umount", [small]);
  rmSync(small, { recursive: true, force: true });
});

const none = () => null;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "turnpike-cache-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function metaOf(path: string, bodyBytes: number, variant = ""): ObjectMeta {
  return sealMeta({
    key: cacheKey({ customer: "acme", site: "www.shop.example", path }),
    customer: "acme",
    site: "www.shop.example",
    path,
    vary: variant === "" ? [] : ["x"],
    variant: variant === "" ? "" : `x:=${variant}`,
    status: 200,
    fields: [["content-type", "text/plain"]],
    etag: '"a"',
    lastModified: null,
    lastModifiedMs: null,
    freshness: {
      lifetimeMs: 1000,
      from: "max-age",
      initialAgeMs: 0,
      alwaysValidate: false,
      onErrorMs: 0,
    },
    receivedMs: 0,
    bodyBytes,
  });
}

function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255);
}

function openDisk(bytesMax = 10_000_000): DiskTier {
  return new DiskTier({ dir, bytesMax, wholeBytesMax: WHOLE, nowMs: () => 1_000_000 });
}

async function readWhole(disk: DiskTier, path: string, get = none as (n: string) => string | null) {
  const object = await disk.read(metaOf(path, 0).key, get);
  if (object === null) return null;
  if (object.kind === "file") {
    return "file";
  }
  return object.bytes;
}

function files(): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("MemoryTier", () => {
  test("never holds more than its cap, and counts what it holds truly", () => {
    const put = fc.record({ path: fc.nat(40), bytes: fc.nat(9_000), variant: fc.nat(3) });
    const act = fc.oneof(put, fc.record({ remove: fc.nat(40) }), fc.record({ find: fc.nat(40) }));
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
        const tier = new MemoryTier(40_000, 5_000);
        const alive = new Set<object>();
        let cost = 0;
        tier.onDrop = (object) => {
          alive.delete(object);
          cost -= object.costBytes;
        };
        for (const a of acts) {
          if ("remove" in a) tier.remove(metaOf(`/${a.remove}`, 0).key);
          else if ("find" in a) tier.find(metaOf(`/${a.find}`, 0).key, () => "1");
          else {
            const meta = metaOf(`/${a.path}`, a.bytes, String(a.variant));
            const object = tier.put(meta, new Uint8Array(a.bytes));
            if (object !== null) {
              alive.add(object);
              cost += object.costBytes;
            }
          }
          expect(tier.bytes).toBeLessThanOrEqual(40_000);
          expect([tier.count, tier.bytes]).toEqual([alive.size, cost]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("spares what was visited and evicts what was not", () => {
    const tier = new MemoryTier(40_000, 5_000);
    const popular = metaOf("/popular", 3_000);
    tier.put(popular, new Uint8Array(3_000));
    for (let i = 0; i < 100; i++) {
      expect(tier.find(popular.key, none)).not.toBeNull();
      tier.put(metaOf(`/${i}`, 3_000), new Uint8Array(3_000));
    }
    expect(tier.find(metaOf("/0", 0).key, none)).toBeNull();
  });

  test("keeps variants apart and replaces one by its newer self", () => {
    const tier = new MemoryTier(400_000, 50_000);
    tier.put(metaOf("/v", 1, "a"), Uint8Array.of(1));
    tier.put(metaOf("/v", 1, "b"), Uint8Array.of(2));
    tier.put(metaOf("/v", 1, "a"), Uint8Array.of(3));
    const find = (x: string) => tier.find(metaOf("/v", 0).key, () => x)?.bytes[0];
    expect([find("a"), find("b"), find("c"), tier.count]).toEqual([3, 2, undefined, 2]);
  });

  test("does not hold the larger buffer that a body was cut from", () => {
    const tier = new MemoryTier(400_000, 50_000);
    const object = tier.put(metaOf("/cut", 10), new Uint8Array(1_000_000).subarray(5, 15));
    expect(object!.bytes.buffer.byteLength).toBe(10);
  });
});

describe("DiskTier", () => {
  test("gives back what was written, also to the next process", async () => {
    const disk = openDisk();
    const bytes = bytesOf(50_000);
    disk.write(metaOf("/a", 50_000), bytes);
    await disk.settled();
    expect(await readWhole(disk, "/a")).toEqual(bytes);
    const next = openDisk();
    expect([next.count, next.bytes]).toEqual([disk.count, disk.bytes]);
    expect(await readWhole(next, "/a")).toEqual(bytes);
    expect(await readWhole(next, "/b")).toBeNull();
  });

  test("takes a file that was cut short, changed or lost for a miss, and never throws", async () => {
    const disk = openDisk();
    disk.write(metaOf("/a", 400), bytesOf(400));
    await disk.settled();
    const [path] = files();
    const whole = readFileSync(path!);
    for (let at = 0; at < whole.length; at++) {
      const flipped = new Uint8Array(whole);
      flipped[at]! ^= 1 << (at % 8);
      expect(decodeFile(flipped)).toBeNull();
      expect(decodeFile(new Uint8Array(whole.subarray(0, at)))).toBeNull();
    }
    truncateSync(path!, whole.length - 1);
    expect(await readWhole(disk, "/a")).toBeNull();
    expect(disk.count).toBe(0);
  });

  test("a file under another key's name is not served as that key's", async () => {
    const disk = openDisk();
    disk.write(metaOf("/a", 10), bytesOf(10));
    await disk.settled();
    const [path] = files();
    const name = path!.split("/").at(-1)!;
    const other = Bun.SHA256.hash(metaOf("/b", 0).key, "hex").slice(0, 32);
    const folder = join(dir, other.slice(0, 2));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, other + name.slice(32)), readFileSync(path!));
    expect(await readWhole(openDisk(), "/b")).toBeNull();
  });

  test("keeps variants apart, and the newest of each", async () => {
    const disk = openDisk();
    disk.write(metaOf("/v", 10, "a"), bytesOf(10, 1));
    disk.write(metaOf("/v", 20, "b"), bytesOf(20, 2));
    await disk.settled();
    disk.write(metaOf("/v", 30, "a"), bytesOf(30, 3));
    await disk.settled();
    const length = async (x: string) => (await readWhole(disk, "/v", () => x))?.length;
    expect([await length("a"), await length("b"), await length("c")]).toEqual([30, 20, undefined]);
    expect(disk.count).toBe(2);
  });

  test("a removal takes all variants, those on their way too, and nothing comes back", async () => {
    const disk = openDisk();
    disk.write(metaOf("/v", 10, "a"), bytesOf(10));
    await disk.settled();
    for (let i = 0; i < 20; i++) disk.write(metaOf("/v", 50_000, String(i)), bytesOf(50_000));
    await disk.remove(metaOf("/v", 0).key);
    expect(files()).toEqual([]);
    await disk.settled();
    expect([files(), openDisk().count]).toEqual([[], 0]);
  });

  test("stays under its cap, the longest unused going first", async () => {
    const disk = openDisk(100_000);
    for (let i = 0; i < 30; i++) {
      disk.write(metaOf(`/${i}`, 9_000), bytesOf(9_000));
      await disk.settled();
      expect(await readWhole(disk, "/0")).not.toBeNull();
      expect(disk.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(await readWhole(disk, "/1")).toBeNull();
    expect(await readWhole(disk, "/29")).not.toBeNull();
  });

  test("rubbish in its folder is left out, and files on their way are cleared at start", async () => {
    const disk = openDisk();
    disk.write(metaOf("/a", 10), bytesOf(10));
    await disk.settled();
    writeFileSync(join(dir, "tmp", "99"), "half");
    writeFileSync(join(files()[0]!, "..", "notes.txt"), "mine");
    expect(openDisk().count).toBe(1);
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
  });
});

/** A body in chunks that counts how far it was read. */
function sourceOf(bytes: Uint8Array, chunk: number, fails = false) {
  const state = { read: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (state.read >= bytes.byteLength) {
          if (fails) controller.error(new Error("cut"));
          else controller.close();
          return;
        }
        controller.enqueue(bytes.slice(state.read, state.read + chunk));
        state.read += chunk;
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { state, reader: stream.getReader() };
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe("Spool", () => {
  const BIG = 3_000_000;

  test("delivers to several readers and parts while it stores", async () => {
    const disk = openDisk(50_000_000);
    const spool = new Spool(disk, BIG);
    const bytes = bytesOf(BIG);
    const counted = { bytes: 0 };
    const all = collect(spool.read(null, (n) => (counted.bytes += n)));
    const part = collect(spool.read({ first: 1_000, last: 2_000_000 }, () => {}));
    await spool.run(sourceOf(bytes, 70_000).reader, [], (n) => metaOf("/big", n));
    expect(await all).toEqual(bytes);
    expect(await part).toEqual(bytes.subarray(1_000, 2_000_001));
    expect(counted.bytes).toBe(BIG);
    expect(await readWhole(disk, "/big")).toBe("file");
    expect(disk.room.spooledBytes).toBe(0);
  });

  test("does not run ahead of its readers, and lets go when none is left", async () => {
    const disk = openDisk(50_000_000);
    const spool = new Spool(disk, BIG);
    const source = sourceOf(bytesOf(BIG), 10_000);
    const reader = spool.read(null, () => {}).getReader();
    const done = spool.run(source.reader, [], (n) => metaOf("/big", n));
    await reader.read();
    await reader.cancel();
    await done;
    expect(source.state.read).toBeLessThan(1_500_000);
    expect(source.state.cancelled).toBe(true);
    expect([disk.count, disk.room.spooledBytes, files()]).toEqual([0, 0, []]);
  });

  test("passes the whole body on when it outgrows what may be stored", async () => {
    const disk = openDisk(50_000_000);
    const spool = new Spool(disk, 1_000_000);
    const bytes = bytesOf(BIG);
    const all = collect(spool.read(null, () => {}));
    await spool.run(sourceOf(bytes, 70_000).reader, [], (n) => metaOf("/big", n));
    expect(await all).toEqual(bytes);
    expect(disk.count).toBe(0);
  });

  test.skipIf(small === null)(`passes the body on when the disk is full${why}`, async () => {
    const o = { dir: join(small!, "cache"), bytesMax: 1e9, wholeBytesMax: WHOLE };
    const disk = new DiskTier({ ...o, nowMs: () => 1 });
    for (let i = 0; i < 60; i++) disk.write(metaOf(`/${i}`, 90_000), bytesOf(90_000));
    await disk.settled();
    expect(disk.count).toBeLessThan(30);
    expect(readdirSync(join(o.dir, "tmp"))).toEqual([]);
    const spool = new Spool(disk, BIG);
    const all = collect(spool.read(null, () => {}));
    await spool.run(sourceOf(bytesOf(BIG), 70_000).reader, [], (n) => metaOf("/big", n));
    expect([(await all).byteLength, disk.has(metaOf("/big", 0).key)]).toEqual([BIG, false]);
  });

  test("fails its readers when the source is cut, and stores nothing", async () => {
    const disk = openDisk(50_000_000);
    const spool = new Spool(disk, BIG);
    const all = collect(spool.read(null, () => {})).catch(() => "failed");
    await spool.run(sourceOf(bytesOf(BIG), 70_000, true).reader, [], (n) => metaOf("/big", n));
    expect([await all, disk.count, files().length]).toEqual(["failed", 0, 0]);
  });

  test("stores nothing after a purge", async () => {
    const disk = openDisk(50_000_000);
    const spool = new Spool(disk, BIG);
    const all = collect(spool.read(null, () => {}));
    const done = spool.run(sourceOf(bytesOf(BIG), 70_000).reader, [], (n) => metaOf("/big", n));
    spool.keep = false;
    expect((await all).byteLength).toBe(BIG);
    await done;
    expect([disk.count, files()]).toEqual([0, []]);
  });
});

describe("Cache", () => {
  test("brings a small object from disk into memory, but not one purged meanwhile", async () => {
    const o = { dir, memoryBytesMax: 10_000_000, diskBytesMax: 10_000_000, wholeBytesMax: WHOLE };
    const first = new Cache({ ...o, nowMs: () => 0 });
    first.put(metaOf("/a", 100), bytesOf(100));
    await first.disk.settled();
    const cache = new Cache({ ...o, nowMs: () => 0 });
    const { key } = metaOf("/a", 0);
    const [, loaded] = await Promise.all([cache.purge(key), cache.load(key, none)]);
    expect([loaded, cache.find(key, none), cache.memory.count]).toEqual([null, null, 0]);
    const again = new Cache({ ...o, nowMs: () => 0 });
    again.put(metaOf("/b", 100), bytesOf(100));
    await again.disk.settled();
    const fresh = new Cache({ ...o, nowMs: () => 0 });
    await fresh.load(metaOf("/b", 0).key, none);
    expect(fresh.find(metaOf("/b", 0).key, none)?.bytes).toEqual(bytesOf(100));
  });

  test("admits to disk what is of use again, once, and nothing that was purged meanwhile", async () => {
    const o = { dir, memoryBytesMax: 10_000_000, diskBytesMax: 10_000_000, wholeBytesMax: WHOLE };
    const cache = new Cache({ ...o, nowMs: () => 0 });
    const [a, b, c] = [metaOf("/a", 100), metaOf("/b", 100), metaOf("/c", 50_000)];
    const held = async () => {
      await cache.disk.settled();
      return [a, b, c].map(({ key }) => cache.disk.has(key));
    };
    for (const meta of [a, b, c]) cache.admit(meta, bytesOf(meta.bodyBytes));
    expect(await held()).toEqual([false, false, false]);
    expect(cache.find(a.key, none)?.bytes).toEqual(bytesOf(100));
    // Delivered once, so that its bytes are shared with responses.
    expect(cache.find(c.key, none)?.body()).toBeInstanceOf(Blob);
    expect(await held()).toEqual([true, false, true]);
    await cache.purge(a.key);
    cache.find(a.key, none);
    cache.memory.remove(b.key);
    expect(await held()).toEqual([false, false, true]);
    // Asked for a second time while it is in neither: at once.
    cache.admit(b, bytesOf(100));
    expect(await held()).toEqual([false, true, true]);
    await cache.purge(b.key);
    cache.admit(metaOf("/d", 100), bytesOf(100));
    const d = cache.find(metaOf("/d", 0).key, none);
    await cache.purge(metaOf("/d", 0).key);
    expect([d?.alive, cache.disk.has(metaOf("/d", 0).key)]).toEqual([false, false]);
  });
});
