// Many variants of one key on disk: by a wide Vary, or by countries in the key.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiskTier, type Files, type ObjectMeta, realFiles, sealMeta } from "./mod.ts";

const WHOLE = 2_000;
const KEY = "acme www.example /a";

let dir: string;
/** Names of files tell seconds: after a restart they are the order of age. */
let sec = 0;
beforeEach(() => {
  sec = 1_000;
  dir = mkdtempSync(join(tmpdir(), "turnpike-variants-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function metaOf(bodyBytes: number, more: Partial<ObjectMeta>): ObjectMeta {
  return sealMeta({
    key: KEY,
    ...{ customer: "acme", site: "www.example", path: "/a", status: 200, fields: [] },
    ...{ vary: [], variant: "", etag: null, lastModified: null, lastModifiedMs: null },
    ...{ receivedMs: 0, bodyBytes },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
    ...more,
  });
}

/** Counts what is read. */
function counting() {
  const counted = { whole: 0, opened: 0 };
  const files: Files = {
    ...realFiles,
    readWhole(path) {
      counted.whole++;
      return realFiles.readWhole(path);
    },
    open(path, flags) {
      counted.opened++;
      return realFiles.open(path, flags);
    },
  };
  return { counted, files };
}

function openDisk(files = realFiles): DiskTier {
  return new DiskTier({ dir, bytesMax: 1e8, wholeBytesMax: WHOLE, nowMs: () => sec * 1000, files });
}

const body = (bytes: number, seed: number) => new Uint8Array(bytes).fill(seed);
const country = (n: number) => (name: string) => (name === ":country" ? `c${n}` : null);

/** One variant after another, the first the oldest. */
async function store(disk: DiskTier, count: number, bytes: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const meta = metaOf(bytes, { vary: [":country"], variant: `:country:=c${n}` });
    disk.write(meta, body(bytes, n));
    await disk.settled();
    sec++;
  }
}

async function found(disk: DiskTier, n: number): Promise<string | null> {
  const object = await disk.read(KEY, country(n));
  return object === null ? null : object.meta.variant;
}

const files = () =>
  readdirSync(dir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).length;

for (const [size, bytes] of [
  ["small", 1_000],
  ["large", 5_000],
] as const) {
  test(`each of 64 ${size} variants is found, also after a restart, and no 65th is kept`, async () => {
    const disk = openDisk();
    await store(disk, 64, bytes);
    const all = Array.from({ length: 64 }, (_, n) => `:country:=c${n}`);
    for (const one of [disk, openDisk()]) {
      const said: (string | null)[] = [];
      for (let n = 0; n < 64; n++) said.push(await found(one, n));
      expect(said).toEqual(all);
      expect(await found(one, 64)).toBeNull();
      await one.stop();
    }
    const next = openDisk();
    const meta = metaOf(bytes, { vary: [":country"], variant: ":country:=c64" });
    next.write(meta, body(bytes, 64));
    await next.settled();
    expect([await found(next, 64), await found(next, 1)]).toEqual([meta.variant, all[1]!]);
    expect(await found(next, 0)).toBeNull();
    await next.stop();
    await next.remove(KEY);
    expect([next.count, files()]).toEqual([0, 0]);
  });
}

test("of many variants only the one that answers is read whole, and none is looked at twice", async () => {
  await store(openDisk(), 40, 1_000);
  const { counted, files } = counting();
  const disk = openDisk(files);
  expect(await found(disk, 0)).toBe(":country:=c0");
  expect([counted.whole, counted.opened]).toEqual([1, 40]);
  expect(await found(disk, 20)).toBe(":country:=c20");
  expect(await found(disk, 40)).toBeNull();
  expect([counted.whole, counted.opened]).toEqual([2, 40]);
});

test("the last one stored that answers wins, whatever it varies by (RFC 9111 4)", async () => {
  const disk = openDisk();
  const kinds: readonly Partial<ObjectMeta>[] = [
    { vary: ["x"], variant: "x:=1" },
    { vary: ["accept-language"], variant: "accept-language:=de", language: "de" },
    { vary: ["y"], variant: "y:=1" },
    { vary: ["x"], variant: "x:=2" },
  ];
  for (const kind of kinds) {
    disk.write(metaOf(10, kind), body(10, 1));
    await disk.settled();
  }
  const read = async (fields: Readonly<Record<string, string>>) =>
    (await disk.read(KEY, (name) => fields[name] ?? null))?.meta.variant ?? null;
  expect(await read({ x: "1", y: "1" })).toBe("y:=1");
  expect(await read({ x: "2", y: "1" })).toBe("x:=2");
  expect(await read({ x: "1" })).toBe("x:=1");
  expect(await read({ "accept-language": "de, en;q=0.5" })).toBe("accept-language:=de");
  expect(await read({ "accept-language": "en" })).toBeNull();
});
