// One customer's flood on disk takes nothing that another, who holds no more than an equal share, has in use (H18).
import { expect, test } from "bun:test";
import { FakeFiles } from "./files.fake.ts";
import { DiskTier, type ObjectMeta, sealMeta } from "./mod.ts";

const BODY = 4_000;
const BYTES_MAX = 1_000_000;
/** The victim's, a fifth of the cap; the flooder's are ten times the cap. */
const OWN = 50;
const FLOOD = 2_500;
/** The victim asks for all of its own after so many of the flooder's. */
const EACH = 50;

function metaOf(customer: string, i: number): ObjectMeta {
  return sealMeta({
    ...{ key: `${customer} www.example /${i}`, customer, site: "www.example", path: `/${i}` },
    ...{ vary: [], variant: "", status: 200, fields: [], bodyBytes: BODY, receivedMs: 0 },
    ...{ etag: null, lastModified: null, lastModifiedMs: null },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
}

function openDisk(files: FakeFiles): DiskTier {
  return new DiskTier({
    dir: "/d",
    bytesMax: BYTES_MAX,
    wholeBytesMax: BODY,
    nowMs: () => 1,
    files,
  });
}

async function store(disk: DiskTier, customer: string, i: number): Promise<void> {
  disk.write(metaOf(customer, i), new Uint8Array(BODY));
  await disk.settled();
}

/** Asks for all that the victim has in use, and stores what is not there; returns how much was. */
async function ask(disk: DiskTier): Promise<number> {
  let hits = 0;
  for (let i = 0; i < OWN; i++) {
    if ((await disk.read(metaOf("victim", i).key, () => null)) !== null) hits++;
    else await store(disk, "victim", i);
  }
  return hits;
}

for (const [what, reads] of [
  ["that nobody asks for again", 0],
  ["each asked for again three times", 3],
] as const) {
  test(`a flood of URLs ${what} moves another customer's hit ratio on disk by no more than a point`, async () => {
    const files = new FakeFiles();
    let disk = openDisk(files);
    expect([await ask(disk), await ask(disk)]).toEqual([0, OWN]);
    let hits = 0;
    for (let i = 0; i < FLOOD; i++) {
      await store(disk, "flooder", i);
      const { key } = metaOf("flooder", i);
      for (let n = 0; n < reads; n++) await disk.read(key, () => null);
      // Once in the midst of it the cache begins anew.
      if (i === FLOOD / 2) disk = openDisk(files);
      if (i % EACH === EACH - 1) hits += await ask(disk);
    }
    expect(disk.bytes).toBeLessThanOrEqual(BYTES_MAX);
    // The flooder has what the victim leaves.
    expect(disk.bytes).toBeGreaterThan(BYTES_MAX * 0.95);
    expect(hits).toBeGreaterThanOrEqual((OWN * FLOOD * 0.99) / EACH);
  });
}
