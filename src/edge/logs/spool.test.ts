import { afterEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../base/log.ts";
import { LogSpool } from "./spool.ts";

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "turnpike-logs-"));
  dirs.push(dir);
  return dir;
}

const open = (dir: string, startMs = 1_000) =>
  new LogSpool({ dir, startMs, wallMs: () => startMs, log: silentLog });

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

  test("no batch goes on over the end of an hour, and each tells when it began", async () => {
    let wallMs = Date.UTC(2026, 10, 22, 12, 59, 59);
    const spool = new LogSpool({
      ...{ dir: freshDir(), startMs: 1_000, wallMs: () => wallMs, log: silentLog },
    });
    spool.add("one");
    await spool.flush(0, 10_000);
    wallMs += 2_000;
    spool.add("two");
    await spool.flush(2_000, 10_000);
    const first = await spool.oldest();
    expect(first?.text.toString()).toBe("one\n");
    expect(first?.openedMs).toBe(wallMs - 2_000);
    expect(first?.id).toBe("0000000001000-000000001");
    await spool.flush(12_000, 10_000);
    await spool.remove(first?.name ?? "");
    expect((await spool.oldest())?.openedMs).toBe(wallMs);
  });

  /** A disk of so many bytes: what is beyond them goes in as far as it fits. */
  function smallDisk(dir: string, bytesMax: number) {
    const used = () =>
      readdirSync(dir).reduce((sum, name) => sum + readFileSync(join(dir, name)).length, 0);
    return {
      appendFile: async (path: string, text: Uint8Array) => {
        const room = Math.max(0, bytesMax - used());
        appendFileSync(path, text.subarray(0, room));
        if (text.length > room) throw Object.assign(new Error("full"), { code: "ENOSPC" });
      },
      truncate: (path: string, bytes: number) => truncate(path, bytes),
    };
  }

  test("on a full disk the oldest lines give way to the newest, whole ones, and are counted", async () => {
    const dir = freshDir();
    const spool = new LogSpool({
      ...{ dir, startMs: 1_000, wallMs: () => 1_000, log: silentLog, disk: smallDisk(dir, 100) },
    });
    for (let i = 10; i < 40; i++) {
      spool.add(`line ${i}`);
      if (i % 2 === 1) await spool.flush(i, i % 3 === 0 ? 0 : 1_000);
    }
    spool.close();
    const kept = (await all(spool)).join("").trimEnd().split("\n");
    expect(kept.length + spool.lost).toBe(30);
    expect(kept).toEqual(
      Array.from({ length: kept.length }, (_, i) => `line ${40 - kept.length + i}`),
    );
    expect(kept.length).toBeGreaterThan(3);
    expect(spool.fault).toBeNull();
  });

  test("what no disk takes is counted and told, and a disk that comes back is used", async () => {
    const dir = freshDir();
    let broken = true;
    const spool = new LogSpool({
      ...{ dir, startMs: 1_000, wallMs: () => 1_000, log: silentLog },
      disk: {
        appendFile: async (path, text) => {
          if (broken) throw Object.assign(new Error("EIO: broken"), { code: "EIO" });
          appendFileSync(path, text);
        },
        truncate: async () => {},
      },
    });
    spool.add("one");
    await spool.flush(0, 0);
    expect([spool.lost, spool.fault]).toEqual([1, "EIO: broken"]);
    broken = false;
    spool.add("two");
    await spool.flush(1, 0);
    expect([spool.lost, spool.fault]).toEqual([1, null]);
    expect(await all(spool)).toEqual(["two\n"]);
  });
});
