import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { FakeClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { seededRng } from "../../base/rng.ts";
import { LocalBus } from "../../bus/mod.ts";
import { askSecrets } from "../../control/secrets.fixture.ts";
import { mountTierKeys } from "../../control/tier-keys.ts";
import { secretWorld } from "./secret-world.fixture.ts";
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
  const deps = { bus, clock, rng, log: silentLog, digestKey: new Uint8Array(32) };
  const mount = () => mountTierKeys({ dataDir, deps });
  const ask = (have = "") => askSecrets(bus, "tier.keys", have);
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
  const nodeDir = join(w.dataDir, "node");
  const node = await startTierKeys(secretWorld(nodeDir, w.bus));
  ends.push(() => node.stop());
  await node.catchUp();
  const [key] = (await w.ask())!.keys;
  expect(Buffer.from(node.secrets()[0]!.secret).toString("base64")).toBe(key!.secret);
  control.stop();
  const again = await startTierKeys(secretWorld(nodeDir, new LocalBus()));
  ends.push(() => again.stop());
  expect(again.secrets()).toEqual(node.secrets());
  const files = [...namesIn(w.dataDir), ...namesIn(nodeDir)];
  expect(
    files.map((path) => basename(path)).filter((name) => name === "tier-keys.sealed"),
  ).toHaveLength(2);
  for (const path of files) {
    expect(readFileSync(path).includes(key!.secret)).toBe(false);
    expect(statSync(path).mode & 0o077).toBe(0);
  }
});

function namesIn(dir: string): string[] {
  const paths = readdirSync(dir).map((name) => join(dir, name));
  return paths.filter((path) => statSync(path).isFile());
}
