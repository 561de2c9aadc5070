import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { seededRng } from "../../base/rng.ts";
import { LocalBus } from "../../bus/mod.ts";
import { mountTierKeys } from "../../control/tier-keys.ts";
import { startTierKeys } from "./tier-keys.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

async function mounted() {
  const dataDir = mkdtempSync(join(tmpdir(), "turnpike-tier-keys-"));
  ends.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const bus = new LocalBus();
  const clock = new FakeClock(1_000_000_000);
  const rng = seededRng(3);
  const deps = { bus, clock, rng, log: silentLog };
  const mount = () => mountTierKeys({ dataDir, deps });
  const ask = (have = "") => bus.request("tier.keys", { have }, 1000);
  return { dataDir, bus, clock, rng, mount, ask };
}

test("caches get one key, the same after a restart, and a new one beside it each day", async () => {
  const w = await mounted();
  let keys = await w.mount();
  const first = (await w.ask())!;
  expect(first.keys.length).toBe(1);
  expect(await w.ask(first.digest)).toBeNull();
  keys.stop();
  keys = await w.mount();
  expect(await w.ask()).toEqual(first);
  w.clock.advance(24 * 3600 * 1000);
  const second = (await w.ask(first.digest))!;
  expect(second.keys.map((key) => key.madeMs)).toEqual([1_000_000_000, 1_086_400_000]);
  expect(second.keys[0]).toEqual(first.keys[0]!);
  w.clock.advance(24 * 3600 * 1000);
  const third = (await w.ask())!;
  expect(third.keys.length).toBe(2);
  expect(third.keys[0]).toEqual(second.keys[1]!);
  keys.stop();
});

test("a key lies sealed on disk, at control and at a cache that follows, which has it with control dead", async () => {
  const w = await mounted();
  const control = await w.mount();
  const own = {
    path: join(w.dataDir, "node.sealed"),
    masterPath: join(w.dataDir, "node.secret"),
    ...{ bus: w.bus, rng: w.rng, log: silentLog, feed: { onSnapshot: () => () => {} } },
  };
  const node = await startTierKeys(own);
  ends.push(() => node.stop());
  await node.catchUp();
  const [key] = (await w.ask())!.keys;
  expect(Buffer.from(node.secrets()[0]!.secret).toString("base64")).toBe(key!.secret);
  control.stop();
  const again = await startTierKeys({ ...own, bus: new LocalBus() });
  ends.push(() => again.stop());
  expect(again.secrets()).toEqual(node.secrets());
  for (const name of readdirSync(w.dataDir)) {
    const path = join(w.dataDir, name);
    expect(readFileSync(path).includes(key!.secret)).toBe(false);
    expect(statSync(path).mode & 0o077).toBe(0);
  }
});
