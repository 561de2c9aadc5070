import { afterEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../base/log.ts";
import { LogSpool } from "./spool.ts";

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "turnpike-logs-"));
  dirs.push(dir);
  return dir;
}

const open = (dir: string, startMs = 1_000) => new LogSpool({ dir, startMs, log: silentLog });

async function all(spool: LogSpool): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const batch = await spool.oldest();
    if (batch === null) return found;
    found.push(batch.text.toString());
    await spool.remove(batch.name);
  }
}

describe("LogSpool", () => {
  test("a batch is closed by its age, not by a flush alone", async () => {
    const spool = open(freshDir());
    spool.add("one");
    await spool.flush(0, 10_000);
    spool.add("two");
    await spool.flush(9_999, 10_000);
    expect(await spool.oldest()).toBeNull();
    await spool.flush(10_000, 10_000);
    expect(await all(spool)).toEqual(["one\ntwo\n"]);
    expect(spool.bytes).toBe(0);
  });

  test("a batch is closed once it is full", async () => {
    const spool = open(freshDir());
    for (const letter of ["a", "b", "c"]) {
      spool.add(letter.repeat(700_000));
      await spool.flush(0, 10_000);
    }
    expect((await spool.oldest())?.text.length).toBe(1_400_002);
  });

  test("an earlier start's batches come first, without the line that its death cut off", async () => {
    const dir = freshDir();
    const before = open(dir, 1_000);
    before.add("whole");
    await before.flush(0, 10_000);
    const [file = ""] = readdirSync(dir);
    appendFileSync(join(dir, file), '{"half":');
    const after = open(dir, 2_000);
    after.add("new");
    await after.flush(0, 0);
    expect(await all(after)).toEqual(["whole\n", "new\n"]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test("a batch that nobody takes comes again under its name", async () => {
    const spool = open(freshDir());
    spool.add("one");
    await spool.flush(0, 0);
    const first = await spool.oldest();
    expect(await spool.oldest()).toEqual(first);
  });

  test("lines that had no room are counted", async () => {
    const spool = open(freshDir());
    for (let i = 0; i < 5; i++) spool.add("x".repeat(1_048_576));
    expect(spool.lost).toBe(2);
    await spool.flush(0, 0);
    await spool.drop();
    expect(spool.lost).toBe(5);
    expect(spool.bytes).toBe(0);
  });
});
