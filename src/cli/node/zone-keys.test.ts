import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng } from "../../base/rng.ts";
import { LocalBus } from "../../bus/mod.ts";
import { giveSecrets } from "../../control/give-secrets.ts";
import type { ZoneKey, ZoneKeySet } from "../../model/zone-keys.ts";
import { writeSealedCopy } from "../../store/sealed-copy.ts";
import { ZONE_KEYS_COPY } from "../../store/zone-keys-disk.ts";
import { secretWorld } from "./secret-world.fixture.ts";
import { type LiveKeys, startKeyFeed } from "./zone-keys.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-node-keys-"));
const started: LiveKeys[] = [];
afterEach(() => {
  for (const keys of started.splice(0)) keys.stop();
  rmSync(join(dir, "zone-keys.sealed"), { force: true });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function setOf(digest: string): ZoneKeySet {
  const key: ZoneKey = {
    zone: "shop.example",
    algorithm: 15,
    state: "active",
    publicKey: digest,
    privateKey: "c2VjcmV0",
  };
  return { digest, keys: [key] };
}

async function start(bus: LocalBus): Promise<LiveKeys> {
  const keys = await startKeyFeed(secretWorld(dir, bus));
  started.push(keys);
  return keys;
}

test("with control dead, the keys on disk are there from the first moment", async () => {
  const { rng } = secretWorld(dir, new LocalBus());
  const file = {
    path: join(dir, "zone-keys.sealed"),
    masterPath: join(dir, "zone-keys.secret"),
    rng,
  };
  await writeSealedCopy(file, ZONE_KEYS_COPY, setOf("one"));
  const keys = await start(new LocalBus());
  await keys.catchUp();
  expect(keys.keys()).toEqual(setOf("one").keys);
});

test("new keys are told of once, kept on disk, and not asked for again", async () => {
  const bus = new LocalBus();
  let latest = setOf("one");
  giveSecrets("zone.keys", { bus, rng: seededRng(2), digestKey: new Uint8Array(32) }, () => latest);
  const keys = await start(bus);
  const heard: string[] = [];
  const caughtUp = new Promise<void>((resolve) => {
    keys.onKeys(() => {
      heard.push(keys.keys()[0]!.publicKey);
      resolve();
    });
  });
  await caughtUp;
  await keys.catchUp();
  latest = setOf("two");
  await keys.catchUp();
  await keys.catchUp();
  expect(heard).toEqual(["one", "two"]);
  keys.stop();
  const again = await start(new LocalBus());
  expect(again.keys()).toEqual(latest.keys);
});
