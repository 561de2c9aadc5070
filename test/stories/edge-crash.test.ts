import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng } from "../../src/base/rng.ts";
import { Cache } from "../../src/edge/cache/mod.ts";

/** Rounds of kill -9; the threat model names 500. */
const ROUNDS = Number(process.env.TURNPIKE_CACHE_KILLS ?? 6);

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "turnpike-crash-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test(
  "killed while it fills, the disk tier comes back with whole objects only, and none purged",
  async () => {
    const rng = seededRng(7);
    let found = 0;
    let purgedInAll = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const child = Bun.spawn({
        cmd: [process.execPath, join(import.meta.dir, "../fixtures/edge-fill.ts"), dir, `${round}`],
        stdout: "pipe",
        stderr: "inherit",
      });
      const purged = new Set<string>();
      const writes = 20 + Math.floor(rng.float() * 200);
      let lines = 0;
      let rest = "";
      for await (const chunk of child.stdout) {
        rest += new TextDecoder().decode(chunk);
        const whole = rest.split("\n");
        rest = whole.pop() ?? "";
        for (const line of whole) {
          lines++;
          if (line.startsWith("purged ")) purged.add(line.slice(7));
        }
        if (lines >= writes) break;
      }
      purgedInAll += purged.size;
      child.kill(9);
      await child.exited;
      const o = { dir, memoryBytesMax: 1e6, diskBytesMax: 5e7, wholeBytesMax: 1e6, nowMs: () => 1 };
      const cache = new Cache(round % 4 < 2 ? { ...o, reading: { namesAtOnce: 0 } } : o);
      for (let n = 0; n < 400; n++) {
        const key = `acme www.shop.example /${round}/${n}`;
        const object = await cache.disk.read(key, () => null);
        if (object?.kind !== "whole") continue;
        found++;
        expect(purged.has(key)).toBe(false);
        const tag = object.meta.etag;
        expect(tag).toBe(`"${new Bun.CryptoHasher("sha256").update(object.bytes).digest("hex")}"`);
      }
      await cache.stop();
    }
    const evidence = process.env.TURNPIKE_EVIDENCE;
    const figures = { kills: ROUNDS, objectsFound: found, purged: purgedInAll, wrong: 0 };
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    expect(found).toBeGreaterThan(ROUNDS);
  },
  ROUNDS * 5_000,
);
