import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, silentLog } from "../base/log.ts";
import { seededRng } from "../base/rng.ts";
import { LocalBus } from "../bus/mod.ts";
import { NodeBox } from "../store/sealed-word.ts";
import { digestKeyAt, giveSecrets } from "./give-secrets.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-digests-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("the key of digests outlasts a restart, and one that cannot be read is replaced, for once", () => {
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (words: string) => warned.push(words) };
  const path = join(dir, "digests.secret");
  const first = digestKeyAt(path, { rng: seededRng(1), log });
  expect(first.length).toBe(32);
  expect(statSync(path).mode & 0o077).toBe(0);
  expect(Buffer.from(digestKeyAt(path, { rng: seededRng(2), log })).equals(first)).toBe(true);
  expect(warned).toEqual([]);
  writeFileSync(path, "torn");
  const other = digestKeyAt(path, { rng: seededRng(3), log });
  expect([other.length, Buffer.from(other).equals(first), warned.length]).toEqual([32, false, 1]);
});

test("a set is called by a digest that its contents do not give, and given once", async () => {
  const rng = seededRng(4);
  const box = NodeBox.at(join(dir, "node-key.secret"), rng);
  const called: string[] = [];
  for (const key of [1, 2]) {
    const bus = new LocalBus();
    const digestKey = new Uint8Array(32).fill(key);
    giveSecrets("tier.keys", { bus, rng, digestKey }, () => ({ digest: "plain", keys: [] }));
    const ask = (have: string) => bus.request("tier.keys", { have, sealTo: box.sealTo }, 2_000);
    const { digest } = box.open((await ask(""))!) as { digest: string };
    called.push(digest);
    expect(await ask(digest)).toBeNull();
    expect(await ask("plain")).not.toBeNull();
  }
  expect(new Set([...called, "plain"]).size).toBe(3);
});
