import { expect, test } from "bun:test";
import { FakeFiles } from "../cache/files.fake.ts";
import { DiskTier, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import { readBlocks } from "./blocks.ts";

const KEY = "acme www.example /large";
const BYTES = 600_000;
const body = new Uint8Array(BYTES).map((_, i) => i % 251);

const meta: ObjectMeta = sealMeta({
  ...{ key: KEY, customer: "acme", site: "www.example", path: "/large", status: 200, fields: [] },
  ...{ vary: [], variant: "", bodyBytes: BYTES, receivedMs: 0 },
  ...{ etag: null, lastModified: null, lastModifiedMs: null },
  freshness: {
    ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
    ...{ alwaysValidate: false, onErrorMs: 0 },
  },
});

/** What a client gets of the whole, or null where it is broken off. */
async function deliver(disk: DiskTier): Promise<Uint8Array | null> {
  const object = await disk.read(KEY, () => null);
  if (object?.kind !== "file") throw new Error("not held");
  const stream = readBlocks(object, { first: 0, last: BYTES - 1 }, () => {});
  return new Response(stream).bytes().catch(() => null);
}

for (const [act, code, isKept] of [
  ["read", "EIO", false],
  ["open", "EIO", false],
  ["open", "ENOENT", false],
  ["open", "EMFILE", true],
  ["read", "ENOMEM", true],
] as const) {
  const kept = isKept ? "is kept" : "is not offered again";
  test(`an object whose blocks fail with ${code} at ${act} ${kept}`, async () => {
    const files = new FakeFiles();
    const at = { dir: "/d", bytesMax: 10_000_000, wholeBytesMax: 1_000, nowMs: () => 1 };
    const disk = new DiskTier({ ...at, files });
    disk.write(meta, body);
    await disk.settled();
    expect(await deliver(disk)).toEqual(body);
    files.fault = (one) => (one === act ? code : null);
    expect(await deliver(disk)).toBeNull();
    expect(disk.has(KEY)).toBe(isKept);
    files.fault = () => null;
    if (isKept) expect(await deliver(disk)).toEqual(body);
    await disk.stop();
  });
}
