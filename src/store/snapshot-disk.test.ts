import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bad, ok, type Result } from "../base/result.ts";
import { SNAPSHOT_SCHEMA, type Snapshot, type SnapshotBody } from "../model/snapshot.ts";
import { readLatestSnapshot, writeSnapshot } from "./snapshot-disk.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "turnpike-snapshot-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function digest(body: SnapshotBody): string {
  return createHash("sha256").update(JSON.stringify(body)).digest("hex");
}

function snapshotOf(number: number): Snapshot {
  const body: SnapshotBody = {
    schema: SNAPSHOT_SCHEMA,
    number,
    intentVersion: number,
    createdAtMs: 1_800_000_000_000,
    zone: "cdn.example",
    contact: "ops@cdn.example",
    ttlSec: 20,
    allowPrivateOrigins: false,
    allowOriginRanges: [],
    ports: { dns: 53, http: 80, https: 443 },
    pops: [],
    nodes: [],
    groups: [],
    sites: [],
    origins: [],
    zones: [],
  };
  return { ...body, hash: digest(body) };
}

function verify(value: unknown): Result<Snapshot> {
  const { hash, ...body } = value as Snapshot;
  return digest(body) === hash
    ? ok(value as Snapshot)
    : bad([{ path: "hash", message: "expected the hash of the body" }]);
}

test("writeSnapshot() keeps the three newest and reads back the newest", async () => {
  for (const n of [1, 2, 3, 4, 12]) await writeSnapshot(dir, snapshotOf(n));
  expect((await readdir(dir)).sort()).toEqual([
    "snapshot-0000000003.json",
    "snapshot-0000000004.json",
    "snapshot-0000000012.json",
  ]);
  const { snapshot, problems } = await readLatestSnapshot(dir, verify);
  expect(snapshot).toEqual(snapshotOf(12));
  expect(problems).toEqual([]);
});

test("readLatestSnapshot() of a folder that is not there finds nothing and no problem", async () => {
  const missing = join(dir, "none");
  expect(await readLatestSnapshot(missing, verify)).toEqual({ snapshot: null, problems: [] });
});

test("the newest snapshot cut at any byte gives the older one and says why", async () => {
  await writeSnapshot(dir, snapshotOf(1));
  await writeSnapshot(dir, snapshotOf(2));
  const path = join(dir, "snapshot-0000000002.json");
  const whole = await readFile(path);
  // The last byte is the line's end: without it the JSON is still whole.
  for (let length = whole.length - 2; length >= 0; length--) {
    await truncate(path, length);
    const { snapshot, problems } = await readLatestSnapshot(dir, verify);
    expect(snapshot?.number).toBe(1);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toStartWith("snapshot-0000000002.json");
  }
});

test("a flipped byte, a renamed file and a leftover of a crash are passed over", async () => {
  await writeSnapshot(dir, snapshotOf(1));
  await writeSnapshot(dir, snapshotOf(2));
  const two = join(dir, "snapshot-0000000002.json");
  const text = await readFile(two, "utf8");
  await writeFile(two, text.replace("cdn.example", "cdn.exbmple"));
  await writeFile(join(dir, "snapshot-0000000009.json"), JSON.stringify(snapshotOf(1)));
  await writeFile(join(dir, ".snapshot-0000000010.json.tmp"), "{");
  const { snapshot, problems } = await readLatestSnapshot(dir, verify);
  expect(snapshot?.number).toBe(1);
  expect(problems.map((p) => p.path)).toEqual([
    "snapshot-0000000009.json",
    "snapshot-0000000002.json: hash",
  ]);
});
