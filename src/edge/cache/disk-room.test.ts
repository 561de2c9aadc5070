// How much the disk tier holds, and what it keeps of objects where something other than their files fails.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeFiles } from "./files.fake.ts";
import { DiskTier, type Files, type ObjectMeta, realFiles, Spool, sealMeta } from "./mod.ts";
import { Room } from "./room.ts";

const WHOLE = 5_000;
const none = () => null;
const keyOf = (path: string) => `acme www.example ${path}`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "turnpike-room-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function metaOf(path: string, bodyBytes: number): ObjectMeta {
  return sealMeta({
    ...{ key: keyOf(path), customer: "acme", site: "www.example", path, status: 200, fields: [] },
    ...{ vary: [], variant: "", bodyBytes, receivedMs: 0 },
    ...{ etag: null, lastModified: null, lastModifiedMs: null },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
}

function openDisk(files: Files, bytesMax = 1_000_000): DiskTier {
  return new DiskTier({ dir, bytesMax, wholeBytesMax: WHOLE, nowMs: () => 1_000, files });
}

function write(disk: DiskTier, path: string, bytes: number): void {
  disk.write(metaOf(path, bytes), new Uint8Array(bytes).fill(path.length));
}

async function kindOf(disk: DiskTier, path: string): Promise<string | null> {
  return (await disk.read(keyOf(path), none))?.kind ?? null;
}

test("writes that end at the same time do not go beyond the cap together", async () => {
  const disk = openDisk(new FakeFiles(), 10_000);
  for (const path of ["/1", "/2", "/3"]) write(disk, path, 1_500);
  await disk.settled();
  for (const path of ["/4", "/5", "/6", "/7"]) write(disk, path, 1_500);
  await disk.settled();
  expect(disk.bytes).toBeLessThanOrEqual(10_000);
  expect(disk.room.heldBytesMax).toBe(10_000);
  expect(disk.count).toBeGreaterThanOrEqual(4);
});

test("large bodies on their way have half of the cap together, count under it, and reach their clients whole", async () => {
  const files = new FakeFiles();
  const cap = 1_000_000;
  const disk = openDisk(files, cap);
  for (let i = 0; i < 150; i++) {
    write(disk, `/${i}`, 4_500);
    await disk.settled();
  }
  expect(disk.bytes).toBeGreaterThan(cap / 2);
  let [most, mostSpooled] = [0, 0];
  files.fault = (act) => {
    mostSpooled = Math.max(mostSpooled, disk.room.spooledBytes);
    // One that was just kept counts twice for a moment.
    const isKept = [0, 1].some((n) => disk.has(keyOf(`/large${n}`)));
    if (act === "write" && !isKept) most = Math.max(most, disk.bytes + disk.room.spooledBytes);
    return null;
  };
  const body = new Uint8Array(200_000).map((_, i) => i % 251);
  const allThere = Promise.withResolvers<void>();
  let there = 0;
  const one = async (n: number, bodyBytes: number | undefined) => {
    const spool = new Spool(disk, cap, { bodyBytes });
    const delivered = new Response(spool.read(null, () => {})).bytes();
    let at = 0;
    const source = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (at === 190_000) {
            // All are in the midst of it before one of them ends.
            if (++there === 4) allThere.resolve();
            await allThere.promise;
          }
          if (at === body.byteLength) controller.close();
          else controller.enqueue(body.slice(at, at + 10_000));
          at += 10_000;
        },
      },
      { highWaterMark: 0 },
    );
    await spool.run(source.getReader(), [], (bytes) => metaOf(`/large${n}`, bytes));
    expect(Buffer.compare(await delivered, body)).toBe(0);
  };
  // One does not say how long it is.
  const done = [200_000, 200_000, 200_000, undefined].map((said, n) => one(n, said));
  await Promise.all(done);
  expect(most).toBeLessThanOrEqual(cap);
  expect(mostSpooled).toBeGreaterThanOrEqual(400_000);
  expect(mostSpooled).toBeLessThanOrEqual(cap / 2);
  expect(disk.room.spooledBytes).toBe(0);
  expect([0, 1, 2, 3].map((n) => disk.has(keyOf(`/large${n}`)))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  // The room is free again.
  there = 3;
  await one(4, 200_000);
  expect(disk.has(keyOf("/large4"))).toBe(true);
});

for (const code of ["EMFILE", "ENFILE", "ENOMEM"]) {
  test(`what cannot be read for ${code} is a miss, and still there afterwards`, async () => {
    const files = new FakeFiles();
    const disk = openDisk(files);
    write(disk, "/small", 1_000);
    write(disk, "/large", 8_000);
    await disk.settled();
    for (const broken of ["readWhole", "open", "link", "read"]) {
      files.fault = (act) => (act === broken ? code : null);
      const small = broken === "readWhole" ? null : "whole";
      const large = broken === "readWhole" ? "file" : null;
      // A large one that is at hand needs no file opened.
      const next = openDisk(files);
      expect([broken, await kindOf(next, "/small"), await kindOf(next, "/large")]).toEqual([
        ...[broken, small, large],
      ]);
      files.fault = () => null;
      expect([await kindOf(next, "/small"), await kindOf(next, "/large")]).toEqual([
        ...["whole", "file"],
      ]);
    }
  });
}

test("a file is read once for all who ask for it at the same time, and again for who comes later", async () => {
  const files = new FakeFiles();
  const disk = openDisk(files);
  write(disk, "/small", 1_000);
  write(disk, "/large", 8_000);
  await disk.settled();
  const next = openDisk(files);
  for (const [path, kind, act] of [
    ["/small", "whole", "readWhole"],
    ["/large", "file", "link"],
  ] as const) {
    // A large one stays at hand.
    for (const reads of [1, kind === "whole" ? 2 : 1]) {
      const kinds = await Promise.all(Array.from({ length: 50 }, () => kindOf(next, path)));
      expect(kinds.every((one) => one === kind)).toBe(true);
      expect(files.calls.filter((call) => call.startsWith(`${act} `)).length).toBe(reads);
    }
  }
});

test("who finds a block spoilt of an object that is gone takes no other one's file away", async () => {
  const disk = openDisk(realFiles);
  write(disk, "/a", 8_000);
  await disk.settled();
  const object = await disk.read(keyOf("/a"), none);
  if (object?.kind !== "file") throw new Error("not a file");
  await disk.remove(keyOf("/a"));
  write(disk, "/b", 8_000);
  await disk.settled();
  object.spoilt();
  await disk.remove(keyOf("/none"));
  expect([disk.count, await kindOf(disk, "/b"), await kindOf(openDisk(realFiles), "/b")]).toEqual([
    ...[1, "file", "file"],
  ]);
  await disk.stop();
});

test("a folder that somebody has emptied is filled again, with large objects too", async () => {
  const disk = openDisk(realFiles);
  write(disk, "/a", 1_000);
  await disk.settled();
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
  expect(await kindOf(disk, "/a")).toBeNull();
  // The first that fails tells that folders are missing.
  for (let i = 0; i < 2; i++) {
    write(disk, "/a", 1_000);
    await disk.settled();
  }
  expect([await kindOf(disk, "/a"), existsSync(join(dir, "tmp"))]).toEqual(["whole", true]);
  const spool = new Spool(disk, 100_000);
  const delivered = new Response(spool.read(null, () => {})).bytes();
  const source = new Response(new Uint8Array(9_000)).body!.getReader();
  await spool.run(source, [], (bytes) => metaOf("/large", bytes));
  expect([(await delivered).byteLength, await kindOf(disk, "/large")]).toEqual([9_000, "file"]);
  await disk.stop();
});

test("a user whose part of the disk is full is helped like a disk that is full", async () => {
  const files = new FakeFiles();
  const disk = openDisk(files);
  for (let i = 0; i < 16; i++) write(disk, `/${i}`, 1_000);
  await disk.settled();
  const { bytes } = disk;
  files.fault = (act) => (act === "writeWhole" ? "EDQUOT" : null);
  write(disk, "/more", 1_000);
  await disk.settled();
  expect(disk.bytes).toBeLessThanOrEqual((bytes * 7) / 8);
  expect(disk.bytes).toBeGreaterThan((bytes * 3) / 4);
});

for (const [why, code] of [
  ["the disk refuses", "EIO"],
  ["too many others wait", null],
] as const) {
  test(`an object that cannot be kept, for ${why}, leaves no older one of its variant to be found`, async () => {
    const files = new FakeFiles();
    const disk = openDisk(files, 10_000_000);
    write(disk, "/a", 1_000);
    write(disk, "/b", 1_000);
    await disk.settled();
    files.fault = (act) => (act === "writeWhole" ? code : null);
    // 16 MiB may wait, and each counts more than 6 KB; one of the same variant waits already.
    if (code === null) for (let i = 0; i < 2_800; i++) write(disk, i === 9 ? "/a" : `/${i}`, 10);
    write(disk, "/a", 1_001);
    await disk.settled();
    expect([await kindOf(disk, "/a"), await kindOf(disk, "/b")]).toEqual([null, "whole"]);
  });
}

test("a file system without room takes an eighth of all that is there, bodies on their way included", () => {
  let nowMs = 0;
  const room = new Room(100_000, () => nowMs);
  expect(room.reserve(4_000)).toBe(true);
  room.spool(4_000);
  expect([room.heldBytesMax, room.ranFull(4_000), room.heldBytesMax]).toEqual([
    96_000,
    true,
    3_000,
  ]);
  // Said at once again it is the same.
  expect([room.ranFull(3_000), room.heldBytesMax]).toEqual([false, 3_000]);
  nowMs = -3_600_000;
  expect(room.heldBytesMax).toBe(96_000);
});
