// A restart with more files than it reads before it goes on: what is asked for meanwhile, written, purged, failing.
import { expect, test } from "bun:test";
import { fileName, hashKey } from "./disk-name.ts";
import { FakeFiles } from "./files.fake.ts";
import { DiskTier, type ObjectMeta, sealMeta } from "./mod.ts";

const DIR = "/d";
const OBJECTS = 300;
const none = () => null;
const keyOf = (i: number) => `acme www.example /${i}`;
const folderOf = (i: number) => hashKey(keyOf(i)).slice(0, 2);
const textOf = (i: number, version = 1) => `object ${i}, version ${version}`;

function metaOf(i: number, bodyBytes: number): ObjectMeta {
  return sealMeta({
    ...{ key: keyOf(i), customer: "acme", site: "www.example", path: `/${i}` },
    ...{ vary: [], variant: "", status: 200, fields: [], bodyBytes, receivedMs: 0 },
    ...{ etag: null, lastModified: null, lastModifiedMs: null },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
}

function openDisk(
  files: FakeFiles,
  o: {
    readonly bytesMax?: number;
    readonly sec?: number;
    readonly onFault?: (fault: unknown) => void;
  } = {},
): DiskTier {
  const { bytesMax = 1_000_000, sec = 1, onFault = () => {} } = o;
  const of = { dir: DIR, bytesMax, wholeBytesMax: 5_000, nowMs: () => sec * 1000, files };
  return new DiskTier({ ...of, reading: { namesAtOnce: 0, onFault } });
}

function write(disk: DiskTier, i: number, version = 1): void {
  const bytes = new TextEncoder().encode(textOf(i, version));
  disk.write(metaOf(i, bytes.byteLength), bytes);
}

/** A folder of an earlier life, with all objects in it. */
async function filled(): Promise<FakeFiles> {
  const files = new FakeFiles();
  // The clock was ahead then.
  const disk = openDisk(files, { sec: 9 });
  for (let i = 0; i < OBJECTS; i++) write(disk, i);
  await disk.settled();
  expect(disk.count).toBe(OBJECTS);
  await disk.stop();
  files.calls.length = 0;
  return files;
}

async function read(disk: DiskTier, i: number): Promise<string | null> {
  const object = await disk.read(keyOf(i), none);
  return object?.kind === "whole" ? new TextDecoder().decode(object.bytes) : null;
}

async function allRead(disk: DiskTier): Promise<void> {
  while (disk.isReading) await new Promise((resolve) => setImmediate(resolve));
}

const foldersRead = (files: FakeFiles) =>
  files.calls.filter((call) => /^names .*\/[0-9a-f]{2}$/.test(call)).map((call) => call.slice(-2));

test("any object is found though only its own folder was read, and all are in the end", async () => {
  const files = await filled();
  const disk = openDisk(files);
  expect([disk.isReading, foldersRead(files)]).toEqual([true, []]);
  expect([disk.has(keyOf(7)), foldersRead(files)]).toEqual([true, [folderOf(7)]]);
  expect(disk.has(keyOf(OBJECTS))).toBe(false);
  const found: (string | null)[] = [];
  for (let i = 0; i < OBJECTS; i++) found.push(await read(disk, i));
  expect(found).toEqual(Array.from({ length: OBJECTS }, (_, i) => textOf(i)));
  await allRead(disk);
  expect([disk.fault, disk.count]).toEqual([null, OBJECTS]);
  // None twice.
  const folders = foldersRead(files);
  expect(folders.length).toBe(new Set(folders).size);
});

test("nothing that is purged while folders are still read comes back, then or after another restart", async () => {
  const files = await filled();
  const disk = openDisk(files);
  await Promise.all([1, 2, 3].map((i) => disk.remove(keyOf(i))));
  expect(files.calls.filter((call) => call.startsWith("syncFolder")).length).toBe(
    new Set([1, 2, 3].map(folderOf)).size,
  );
  await allRead(disk);
  expect(disk.count).toBe(OBJECTS - 3);
  for (const one of [disk, openDisk(files)]) {
    const found = await Promise.all([1, 2, 3, 4].map((i) => read(one, i)));
    expect(found).toEqual([null, null, null, textOf(4)]);
  }
});

test("a purge of what is not held waits for its folder to be on disk: the life before may have removed it", async () => {
  const files = await filled();
  const disk = openDisk(files);
  let unheld = OBJECTS;
  while (folderOf(unheld) !== folderOf(4)) unheld++;
  await disk.remove(keyOf(unheld));
  expect(files.calls.filter((call) => call.startsWith("syncFolder"))).toEqual([
    `syncFolder ${DIR}/${folderOf(4)}`,
  ]);
});

test("what is to be written meanwhile is written once all is known, in place of what was there", async () => {
  const files = await filled();
  const disk = openDisk(files);
  write(disk, 5, 2);
  write(disk, OBJECTS, 2);
  expect(files.calls.filter((call) => /^(writeWhole|rename) /.test(call))).toEqual([]);
  expect(await read(disk, 5)).toBe(textOf(5));
  await disk.settled();
  expect([await read(disk, 5), await read(disk, OBJECTS)]).toEqual([
    textOf(5, 2),
    textOf(OBJECTS, 2),
  ]);
  expect([disk.isReading, disk.count]).toEqual([false, OBJECTS + 1]);
});

test("a tier that is stopped before it has read all keeps what waited, and loses nothing", async () => {
  const files = await filled();
  const disk = openDisk(files);
  write(disk, 5, 2);
  write(disk, OBJECTS);
  await disk.stop();
  expect(disk.isReading).toBe(true);
  const next = openDisk(files);
  await allRead(next);
  expect(next.count).toBe(OBJECTS + 1);
  expect([await read(next, 5), await read(next, OBJECTS)]).toEqual([textOf(5, 2), textOf(OBJECTS)]);
});

test("a folder that cannot be read is said once; nothing is held, no purge is done, until it can", async () => {
  const files = await filled();
  const told: unknown[] = [];
  const disk = openDisk(files, { onFault: (fault) => told.push(fault) });
  expect(await read(disk, 1)).toBe(textOf(1));
  let readable = 3;
  files.fault = (act) => (act === "names" && readable-- <= 0 ? "EIO" : null);
  await allRead(disk);
  expect([disk.fault?.code, told.length, disk.count, disk.bytes]).toEqual(["EIO", 1, 0, 0]);
  expect([disk.has(keyOf(1)), await read(disk, 1)]).toEqual([false, null]);
  const purge = () =>
    disk.remove(keyOf(1)).then(
      () => "done",
      () => "failed",
    );
  expect(await purge()).toBe("failed");
  files.fault = () => null;
  expect(await purge()).toBe("done");
  await allRead(disk);
  expect([disk.fault, disk.count]).toEqual([null, OBJECTS - 1]);
  expect([await read(disk, 1), await read(disk, 2)]).toEqual([null, textOf(2)]);
});

test("of a folder that cannot be read when one of its keys is purged the purge fails", async () => {
  const files = await filled();
  const disk = openDisk(files);
  files.fault = (act) => (act === "names" ? "EIO" : null);
  const purged = disk.remove(keyOf(1)).catch((fault: { readonly code?: string }) => fault.code);
  expect(await purged).toBe("EIO");
});

test("under a much lower cap than before no more than thousands are removed at the same time", async () => {
  const files = new FakeFiles();
  const count = 10_000;
  const names = Array.from({ length: count }, (_, i) => {
    const keyHash = hashKey(keyOf(i));
    const fields = { fileBytes: 100, storedSec: i, customer: 1 };
    return fileName({ keyHash, variantHash: keyHash.slice(0, 16), ...fields });
  });
  for (const name of names) {
    await files.writeWhole(`${DIR}/${name.slice(0, 2)}/${name}`, new Uint8Array(1));
  }
  const unlink = files.unlink.bind(files);
  let [now, most] = [0, 0];
  files.unlink = async (path) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setImmediate(resolve));
    await unlink(path).finally(() => now--);
  };
  const disk = openDisk(files, { bytesMax: 100 * 1_000 });
  await allRead(disk);
  expect([disk.count, disk.bytes]).toEqual([1_000, 100_000]);
  expect(most).toBeLessThanOrEqual(4_096);
  while (now > 0) await new Promise((resolve) => setImmediate(resolve));
  // The ones stored last.
  const left = files.paths().map((path) => path.slice(DIR.length + 4));
  expect(left.toSorted()).toEqual(names.slice(-1_000).toSorted());
});
