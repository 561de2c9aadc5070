import { afterEach, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { silentLog } from "../base/log.ts";
import { seededRng } from "../base/rng.ts";
import { Spool, type SpoolOptions } from "./spool.ts";
import { crc32c, decodeRecords, encodeRecord } from "./spool-file.ts";
import { SpoolJournal } from "./spool-journal.ts";

const dirs: string[] = [];
const spools: Spool[] = [];
afterEach(async () => {
  for (const spool of spools.splice(0)) await spool.close().catch(() => {});
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function newDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "turnpike-spool-"));
  dirs.push(dir);
  return dir;
}

const keep = (payloads: readonly string[]) => payloads;

/** Spools that a test walks away from, as a dead process does, are closed behind it. */
async function open(dir: string, more: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = await Spool.open({ dir, merge: keep, log: silentLog, ...more });
  spools.push(spool);
  return spool;
}

async function drain(spool: Spool): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const payload = await spool.peek();
    if (payload === null) return all;
    all.push(payload);
    await spool.done();
  }
}

test("crc32c() gives the check value of RFC 3720 B.4", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});

/** Records of varied lengths and where each ends. */
function sample(count: number) {
  const rng = seededRng(7);
  const payloads = Array.from({ length: count }, (_, i) =>
    JSON.stringify({ i, text: "é".repeat(Math.floor(rng.float() * 30)) }),
  );
  const records = payloads.map(encodeRecord);
  const bytes = Buffer.concat(records);
  const ends: number[] = [];
  for (const record of records) ends.push((ends.at(-1) ?? 0) + record.length);
  return { payloads, bytes, ends };
}

test("a file cut at any byte gives exactly the records that are whole", () => {
  const { payloads, bytes, ends } = sample(60);
  for (let length = 0; length <= bytes.length; length++) {
    const whole = ends.filter((end) => end <= length).length;
    const decoded = decodeRecords(bytes.subarray(0, length));
    expect(decoded.payloads).toEqual(payloads.slice(0, whole));
    expect(decoded.damagedBytes).toBe(length - (ends[whole - 1] ?? 0));
  }
});

test("a file with any one byte flipped gives exactly the other records", () => {
  const { payloads, bytes, ends } = sample(60);
  const rng = seededRng(11);
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Uint8Array.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ (1 + Math.floor(rng.float() * 255));
    const hit = ends.findIndex((end) => at < end);
    expect(decodeRecords(damaged).payloads).toEqual(payloads.filter((_, i) => i !== hit));
  }
});

test("arbitrary bytes never throw, before, between and behind records", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ minLength: 1 }), (noise, word) => {
      decodeRecords(noise);
      const bytes = Buffer.concat([encodeRecord(word), noise, encodeRecord(word)]);
      const found = decodeRecords(bytes).payloads;
      expect(found[0]).toBe(word);
      expect(found.at(-1)).toBe(word);
    }),
  );
});

test("records come out in order, also across files and a new start", async () => {
  const dir = await newDir();
  const words = Array.from({ length: 50 }, (_, i) => `record ${i}`);
  const first = await open(dir, { fileBytesMax: 100 });
  for (const word of words) await first.append(word);
  // No close: the process is gone.
  const second = await open(dir, { fileBytesMax: 100 });
  await second.append("after the start");
  expect(await drain(second)).toEqual([...words, "after the start"]);
  await second.close();
  expect(await readdir(dir)).toEqual([]);
});

test("what is not done is offered again after a start, from its file's beginning at most", async () => {
  const dir = await newDir();
  const first = await open(dir, { fileBytesMax: 60 });
  for (const word of ["a", "b", "c", "d", "e", "f"]) await first.append(word.repeat(20));
  for (let i = 0; i < 3; i++) {
    await first.peek();
    await first.done();
  }
  const again = (await drain(await open(dir))).map((w) => w[0]);
  expect(again.join("")).toMatch(/^b?c?def$/);
});

test("a spool cut or flipped at any byte still opens and takes records", async () => {
  const dir = await newDir();
  const { payloads, bytes, ends } = sample(4);
  const path = join(dir, "0000000001-0000000001.sent");
  for (let at = 0; at < bytes.length; at += 3) {
    await writeFile(path, bytes.subarray(0, at));
    const spool = await open(dir);
    await spool.append("next");
    const whole = ends.filter((end) => end <= at).length;
    expect(await drain(spool)).toEqual([...payloads.slice(0, whole), "next"]);
    await spool.close();
  }
}, 20_000);

test("a record that is refused for good is kept aside and the next one comes", async () => {
  const dir = await newDir();
  const spool = await open(dir);
  await spool.append("refused");
  await spool.append("good");
  await spool.peek();
  await spool.setAside();
  expect(await drain(spool)).toEqual(["good"]);
  const aside = await readFile(join(dir, "rejected.spool"));
  expect(decodeRecords(aside).payloads).toEqual(["refused"]);
});

/** Payloads are numbers: merged, their sum. */
const add = (payloads: readonly string[]) => [`${payloads.reduce((s, p) => s + Number(p), 0)}`];

test("a full spool merges the oldest records that were never offered, and loses nothing", async () => {
  const dir = await newDir();
  const spool = await open(dir, { fileBytesMax: 100, bytesMax: 1000, merge: add });
  await spool.append("1");
  expect(await spool.peek()).toBe("1");
  for (let i = 0; i < 2000; i++) {
    await spool.append("1");
    expect(spool.bytes).toBeLessThan(2000);
  }
  expect(await spool.peek()).toBe("1");
  const all = await drain(spool);
  expect(all.reduce((sum, p) => sum + Number(p), 0)).toBe(2001);
  expect(all.length).toBeLessThan(100);
}, 20_000);

test("a crash between writing merged records and removing the old ones counts nothing twice", async () => {
  const dir = await newDir();
  const record = (text: string) => encodeRecord(text);
  for (const n of [1, 2, 3, 4])
    await writeFile(join(dir, `000000000${n}-000000000${n}.new`), record("1"));
  await writeFile(join(dir, "0000000002-0000000004.new"), record("3"));
  await writeFile(join(dir, "merge.tmp"), record("9"));
  expect(await drain(await open(dir))).toEqual(["1", "3"]);
});

test("a spool that cannot write says so and takes the record later", async () => {
  const dir = await newDir();
  const spool = await open(dir);
  await rm(dir, { recursive: true, force: true });
  expect(spool.append("x")).rejects.toThrow();
  await Bun.write(join(dir, "marker"), "");
  await spool.append("x");
  expect(await drain(spool)).toEqual(["x"]);
});

test("a folder that cannot be used is said at once, with its name", async () => {
  const dir = join(await newDir(), "file");
  await writeFile(dir, "");
  expect(open(dir)).rejects.toThrow(dir);
});

test("a journal cut at any byte gives the last state that is whole", async () => {
  const path = join(await newDir(), "journal");
  const { journal } = await SpoolJournal.open(path);
  const states = ["1", "1 2", "1 2 3"];
  for (const state of states) await journal.write(state);
  const bytes = await readFile(path);
  const ends = states.map((_, i) => Buffer.concat(states.slice(0, i + 1).map(encodeRecord)).length);
  for (let length = 0; length <= bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length));
    const whole = ends.filter((end) => end <= length).length;
    expect((await SpoolJournal.open(path)).last).toBe(states[whole - 1] ?? null);
  }
  await journal.clear();
  await journal.write("4");
  expect((await SpoolJournal.open(path)).last).toBe("4");
  await journal.close();
});
