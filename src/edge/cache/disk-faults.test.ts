import { expect, test } from "bun:test";
import fc from "fast-check";
import { seededRng } from "../../base/rng.ts";
import { cacheKey } from "../../policy/caching/mod.ts";
import { FakeFiles } from "./files.fake.ts";
import { Cache, type ObjectMeta, sealMeta } from "./mod.ts";

const DIR = "/cache";
const none = () => null;

function metaOf(path: string, version: number, variant = ""): ObjectMeta {
  return sealMeta({
    key: keyOf(path),
    ...{ customer: "acme", site: "www.example", path, status: 200, fields: [] },
    ...{ vary: variant === "" ? [] : ["x"], variant: variant === "" ? "" : `x:=${variant}` },
    ...{ etag: `"${version}"`, lastModified: null, lastModifiedMs: null, receivedMs: 0 },
    bodyBytes: bodyOf(path, version).byteLength,
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
}

function keyOf(path: string): string {
  return cacheKey({ customer: "acme", site: "www.example", path });
}

function bodyOf(path: string, version: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${path} ${version} ${"-".repeat(600)}`);
}

function cacheOn(files: FakeFiles, diskBytesMax = 1_000_000, namesAtOnce = 1_000): Cache {
  const o = { dir: DIR, memoryBytesMax: 400_000, wholeBytesMax: 10_000, nowMs: () => 1_000 };
  return new Cache({ ...o, diskBytesMax, files, reading: { namesAtOnce } });
}

/** The acts on files, without those of files on their way. */
function acts(files: FakeFiles): string[] {
  const own = files.calls.filter((call) => !/\/(tmp|[0-9a-f]{2}\/aside-)/.test(call));
  return own.map((call) => call.split(" ")[0]!);
}

test("a purge is done once all variants are gone and their folder is on disk", async () => {
  const files = new FakeFiles();
  const cache = cacheOn(files);
  cache.put(metaOf("/a", 1, "x"), bodyOf("/a", 1));
  cache.put(metaOf("/a", 1, "y"), bodyOf("/a", 1));
  await cache.disk.settled();
  await cache.purge(keyOf("/a"));
  files.calls.length = 0;
  cache.put(metaOf("/a", 2, "x"), bodyOf("/a", 2));
  cache.put(metaOf("/a", 2, "y"), bodyOf("/a", 2));
  await cache.disk.settled();
  await cache.purge(keyOf("/a"));
  const order = acts(files).filter((act) => act !== "makeFolder");
  expect(order).toEqual(["rename", "rename", "unlink", "unlink", "syncFolder"]);
  expect(files.paths()).toEqual([]);
});

test("a purge of what was evicted just before waits for it as well", async () => {
  const files = new FakeFiles();
  const cache = cacheOn(files, 5_000);
  cache.put(metaOf("/a", 1), bodyOf("/a", 1));
  await cache.disk.settled();
  expect(cache.mayHoldOnDisk(keyOf("/a"))).toBe(true);
  for (let i = 0; cache.mayHoldOnDisk(keyOf("/a")); i++) {
    cache.put(metaOf(`/${i}`, 1), bodyOf(`/${i}`, 1));
    await cache.disk.settled();
  }
  await cache.purge(keyOf("/a"));
  expect(acts(files).at(-1)).toBe("syncFolder");
  files.losePower(() => true);
  expect(await cacheOn(files).load(keyOf("/a"), none)).toBeNull();
});

test("a purge fails while the disk refuses to remove or to sync, and succeeds once it does not", async () => {
  for (const broken of ["unlink", "syncFolder"]) {
    const files = new FakeFiles();
    const cache = cacheOn(files);
    cache.put(metaOf("/a", 1), bodyOf("/a", 1));
    await cache.disk.settled();
    files.fault = (act) => (act === broken ? "EIO" : null);
    const failed = await cache.purge(keyOf("/a")).catch(() => "failed");
    expect([broken, failed]).toEqual([broken, "failed"]);
    expect(await cache.purge(keyOf("/a")).catch(() => "failed")).toBe("failed");
    expect(await cache.load(keyOf("/a"), none)).toBeNull();
    files.fault = () => null;
    await cache.purge(keyOf("/a"));
    expect([files.paths(), acts(files).at(-1)]).toEqual([[], "syncFolder"]);
  }
});

test("a disk that fails is a cache that holds less: no wrong byte, nothing older than a purge, through power losses", async () => {
  const act = fc.record({
    what: fc.constantFrom("put", "put", "put", "load", "settle", "purge", "lose", "restart"),
    path: fc.integer({ min: 0, max: 5 }).map((n) => `/${n}`),
  });
  const acts = fc.array(act, { minLength: 40, maxLength: 120 });
  const run = async (list: readonly { what: string; path: string }[], seed: number) => {
    const rng = seededRng(seed);
    const files = new FakeFiles();
    const faults = ["EIO", "ENOSPC"];
    const failing = (act: string) => act !== "names" && rng.float() < 0.1;
    files.fault = (act) => (failing(act) ? faults[Math.floor(rng.float() * 2)]! : null);
    // Of every other one a restart reads names only as they are asked for, or beside its work.
    const namesAtOnce = seed % 2 === 0 ? 0 : 1_000;
    let cache = cacheOn(files, 5_000, namesAtOnce);
    let version = 0;
    const purged = new Map<string, number>();
    const look = async (path: string) => {
      const found = cache.find(keyOf(path), none) ?? (await cache.load(keyOf(path), none));
      if (found === null || found.kind === "file") return;
      const seen = Number(found.meta.etag!.slice(1, -1));
      expect(found.bytes).toEqual(bodyOf(path, seen));
      expect(seen).toBeGreaterThan(purged.get(path) ?? 0);
    };
    for (const { what, path } of list) {
      if (what === "put") cache.put(metaOf(path, ++version), bodyOf(path, version));
      if (what === "settle") await cache.disk.settled();
      if (what === "load") await look(path);
      if (what === "purge") {
        const upTo = version;
        const done = await cache.purge(keyOf(path)).then(
          () => true,
          () => false,
        );
        if (done) purged.set(path, upTo);
      }
      if (what === "lose" || what === "restart") {
        await cache.stop();
        if (what === "lose") files.losePower(() => rng.float() < 0.5);
        cache = cacheOn(files, 5_000, namesAtOnce);
        for (let n = 0; n < 6; n++) await look(`/${n}`);
      }
    }
    await cache.stop();
  };
  await fc.assert(fc.asyncProperty(acts, fc.nat(), run), { numRuns: 150 });
}, 60_000);

test("a large body is delivered whole whenever the disk fails", async () => {
  const body = new Uint8Array(900_000).map((_, i) => i % 251);
  for (let failsAt = 0; failsAt < 14; failsAt++) {
    const files = new FakeFiles();
    const cache = cacheOn(files, 50_000_000);
    let write = 0;
    files.fault = (act) =>
      act === "open" && failsAt === 0
        ? "EIO"
        : act === "write" && ++write === failsAt
          ? "ENOSPC"
          : null;
    const spool = cache.spool(10_000_000);
    const delivered = new Response(spool.read(null, () => {})).arrayBuffer();
    const source = new Response(new Blob([body])).body!.getReader();
    await spool.run(source, [], (bodyBytes) => ({ ...metaOf("/big", 1), bodyBytes }));
    expect(new Uint8Array(await delivered)).toEqual(body);
  }
});
