// What an earlier life of the process, another version of it or somebody else has left in the folder.
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { cacheKey } from "../../policy/caching/mod.ts";
import { fileName, hashKey } from "./disk-name.ts";
import { FakeFiles } from "./files.fake.ts";
import { DiskTier, type ObjectMeta, sealMeta } from "./mod.ts";

const none = () => null;
const keyOf = (path: string) => cacheKey({ customer: "acme", site: "www.example", path });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "turnpike-left-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function metaOf(path: string, bodyBytes: number): ObjectMeta {
  return sealMeta({
    key: keyOf(path),
    ...{ customer: "acme", site: "www.example", path, status: 200, fields: [] },
    ...{ vary: [], variant: "", etag: null, lastModified: null, lastModifiedMs: null },
    ...{ receivedMs: 0, bodyBytes },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
}

function openDisk(o: { readonly sec?: number; readonly bytesMax?: number } = {}): DiskTier {
  const nowMs = () => (o.sec ?? 1_000) * 1000;
  return new DiskTier({ dir, bytesMax: o.bytesMax ?? 10_000_000, wholeBytesMax: 100_000, nowMs });
}

async function store(disk: DiskTier, path: string, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  disk.write(metaOf(path, bytes.byteLength), bytes);
  await disk.settled();
}

async function textOf(disk: DiskTier, path: string): Promise<string | null> {
  const object = await disk.read(keyOf(path), none);
  return object?.kind === "whole" ? new TextDecoder().decode(object.bytes) : null;
}

/** The object files there are. */
function files(): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return paths.filter((path) => /\/[0-9a-f]{32}-/.test(path));
}

test("a file torn at any of its bytes is a miss to the next process, and is stored anew", async () => {
  await store(openDisk(), "/a", "held".repeat(40));
  const [path] = files();
  const whole = readFileSync(path!);
  for (let length = 0; length < whole.byteLength; length += 1) {
    // As it is after a power loss: cut off, or as long as it was with nothing in the rest.
    const torn = length % 2 === 0 ? whole.subarray(0, length) : Buffer.alloc(whole.byteLength);
    if (length % 2 === 1) whole.copy(torn, 0, 0, length - 1);
    writeFileSync(path!, torn);
    expect([length, await textOf(openDisk(), "/a")]).toEqual([length, null]);
  }
  const disk = openDisk();
  await store(disk, "/a", "again");
  expect([await textOf(disk, "/a"), files().length]).toEqual(["again", 1]);
});

test("a file of another version of the format is a miss, its checksums be right or not", async () => {
  await store(openDisk(), "/a", "held");
  const [path] = files();
  const other = readFileSync(path!);
  const footer = other.subarray(-32);
  footer.writeUInt32LE(2, 4);
  footer.writeUInt32LE(crc32(footer.subarray(0, -4)), 28);
  writeFileSync(path!, other);
  expect(await textOf(openDisk(), "/a")).toBeNull();
});

test("what is not ours in the folder does not keep what is from being found", async () => {
  await store(openDisk(), "/a", "held");
  const own = hashKey(keyOf("/a")).slice(0, 2);
  const others = ["00", "77", "ff"].filter((name) => name !== own);
  writeFileSync(join(dir, others[0]!), "a file where a folder would be");
  symlinkSync(join(dir, "nowhere"), join(dir, others[1]!));
  writeFileSync(join(dir, "notes.txt"), "mine");
  const disk = openDisk();
  expect([disk.fault, disk.count, await textOf(disk, "/a")]).toEqual([null, 1, "held"]);
});

test("a link or a folder by the name of an object is a miss, and what it leads to stays", async () => {
  await store(openDisk(), "/a", "held");
  const outside = join(dir, "notes.txt");
  writeFileSync(outside, "mine");
  for (const [i, path] of ["/link", "/folder"].entries()) {
    const [keyHash, variantHash] = [hashKey(keyOf(path)), hashKey("").slice(0, 16)];
    const name = fileName({ keyHash, variantHash, fileBytes: 4, storedSec: 1, customer: 1 });
    const folder = join(dir, keyHash.slice(0, 2));
    mkdirSync(folder, { recursive: true });
    if (i === 0) symlinkSync(outside, join(folder, name));
    else mkdirSync(join(folder, name));
    const disk = openDisk();
    expect(await textOf(disk, path)).toBeNull();
    await store(disk, path, "stored");
    expect(await textOf(disk, path)).toBe("stored");
  }
  expect(readFileSync(outside, "utf8")).toBe("mine");
});

test("under a lower cap than before as much as fits is kept, the rest leaves the disk too", async () => {
  const before = openDisk();
  for (let i = 0; i < 20; i++) await store(before, `/${i}`, "x".repeat(5_000));
  const disk = openDisk({ bytesMax: 40_000 });
  expect(disk.bytes).toBeLessThanOrEqual(40_000);
  expect(disk.count).toBeGreaterThanOrEqual(6);
  await disk.remove(keyOf("/none"));
  for (let i = 0; i < 20; i++) await disk.remove(keyOf(`/none${i}`));
  while (files().length > disk.count) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(files().length).toBe(disk.count);
});

test("of two files of one variant the one stored last is served, whatever the clock said", async () => {
  for (const [i, [firstSec, secondSec]] of [
    [1_000, 1_000],
    [1_000, 500],
  ].entries()) {
    const path = `/${i}`;
    await store(openDisk({ sec: firstSec! }), path, "old words");
    const [left] = files().filter((file) => file.includes(hashKey(keyOf(path))));
    const bytes = readFileSync(left!);
    await store(openDisk({ sec: secondSec! }), path, "new");
    while (existsSync(left!)) await new Promise((resolve) => setTimeout(resolve, 2));
    // As if the process had ended before it removed the one that was replaced.
    writeFileSync(left!, bytes);
    expect([i, await textOf(openDisk({ sec: 2_000 }), path)]).toEqual([i, "new"]);
  }
});

test("of two writes of one variant the later one stays, also where the earlier one ends last", async () => {
  const fake = new FakeFiles();
  const slow = Promise.withResolvers<void>();
  const writeWhole = fake.writeWhole.bind(fake);
  let writes = 0;
  fake.writeWhole = async (path, bytes) => {
    if (writes++ === 0) await slow.promise;
    await writeWhole(path, bytes);
  };
  const o = { dir: "/cache", bytesMax: 1_000_000, wholeBytesMax: 100_000, nowMs: () => 1_000 };
  const disk = new DiskTier({ ...o, files: fake });
  const encode = (text: string) => new TextEncoder().encode(text);
  disk.write(metaOf("/a", 3), encode("old"));
  disk.write(metaOf("/a", 5), encode("newer"));
  while (!disk.has(keyOf("/a"))) await new Promise((resolve) => setTimeout(resolve, 1));
  slow.resolve();
  await disk.settled();
  expect([await textOf(disk, "/a"), disk.count]).toEqual(["newer", 1]);
});
