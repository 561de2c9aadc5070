import { afterEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Buckets } from "../../policy/rules/mod.ts";
import { WORDS_FILE } from "./crew.ts";
import { makeCrewFolder } from "./folder.ts";
import { SharedWords } from "./words.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function file(): string {
  const folder = makeCrewFolder();
  folders.push(folder);
  return join(folder, WORDS_FILE);
}

const AT = { key: "shop www.shop.example /a", customer: "shop", site: "www.shop.example" };

test("a mark of a key or its site outdates what was stamped before, in every process that looks", () => {
  const path = file();
  const [keeper, worker] = [new SharedWords(path), new SharedWords(path)];
  const first = worker.stampOf(AT);
  expect(worker.isCurrent(first)).toBe(true);
  keeper.markKey(AT.key);
  expect(worker.isCurrent(first)).toBe(false);
  const second = worker.stampOf(AT);
  expect(worker.isCurrent(second)).toBe(true);
  keeper.markSite(AT);
  expect(worker.isCurrent(second)).toBe(false);
  expect(worker.isCurrent(first)).toBe(false);
});

test("nobody can tell whose marks fall on one place: that is drawn at each start", () => {
  const places = Array.from({ length: 8 }, () => new SharedWords(file()).stampOf(AT));
  expect(new Set(places.map(({ key }) => key)).size).toBeGreaterThan(1);
  expect(new Set(places.map(({ site }) => site)).size).toBeGreaterThan(1);
});

test("what the keeper says of purges and of itself is seen by all", () => {
  const path = file();
  const [keeper, worker] = [new SharedWords(path), new SharedWords(path)];
  const applied = (number: number, term?: string) => worker.hasApplied(number, term);
  expect([worker.isBehind(), worker.isKeeperThere(), applied(0), applied(1)]).toEqual([
    ...[false, false, true, false],
  ]);
  keeper.setBehind(true);
  keeper.setKeeper(process.pid);
  keeper.setPurgesApplied(2 ** 40, undefined);
  expect([worker.isBehind(), worker.isKeeperThere(), applied(2 ** 40)]).toEqual([true, true, true]);
  expect([applied(2 ** 40 + 1), applied(3, "a")]).toEqual([false, false]);
  keeper.setPurgesApplied(7, "a");
  expect([applied(7), applied(7, "a"), applied(8, "a"), applied(3, "b")]).toEqual([
    ...[true, true, false, false],
  ]);
});

test("a bucket takes as the one of a single process does", () => {
  let nowMs = 1_000;
  const words = new SharedWords(file(), () => nowMs);
  const alone = new Buckets(100);
  const rate = { perSec: 3, burst: 4 };
  for (let i = 0; i < 400; i++) {
    nowMs += (i * 7919) % 500;
    const name = `${i % 3}`;
    expect(words.takeRate(name, rate)).toBe(alone.take(name, rate, nowMs));
  }
});

test("buckets of one owner give way to each other, not those of others to them", () => {
  let nowMs = 1_000;
  const words = new SharedWords(file(), () => nowMs);
  const rate = { perSec: 0.01, burst: 1, owner: "shop" };
  const few = Array.from({ length: 200 }, (_, i) => `shop-${i}`);
  for (const name of few) expect(words.takeRate(name, rate)).toBe(0);
  nowMs += 1;
  for (let i = 0; i < 120_000; i++) words.takeRate(`flood-${i}`, { ...rate, owner: "noisy" });
  nowMs += 1;
  expect(few.filter((name) => words.takeRate(name, rate) === 0)).toEqual([]);
});

test("a holder that ended with a bucket's lock in its hand holds nobody up for long", () => {
  const path = file();
  const words = new SharedWords(path);
  new Uint32Array(Bun.mmap(path, { shared: true }).buffer).fill(
    1,
    16 + 2 * 65_536,
    16 + 2 * 65_536 + 8_192,
  );
  const rate = { perSec: 1, burst: 1 };
  expect([words.takeRate("a", rate), words.takeRate("a", rate)]).toEqual([0, 1]);
});

test("processes that take from one bucket at once get as many as it holds, together", async () => {
  const path = file();
  const fixture = join(import.meta.dir, "../../../test/fixtures/take-rate.ts");
  const all = [1, 2, 3].map(() => Bun.spawn([process.execPath, fixture, path, "20000"]));
  const taken = await Promise.all(all.map((one) => new Response(one.stdout).text()));
  // One more for each hundred seconds, if they are very slow.
  const sum = taken.map(Number).reduce((a, b) => a + b, 0);
  expect(sum).toBeGreaterThanOrEqual(1000);
  expect(sum).toBeLessThanOrEqual(1001);
}, 30_000);
