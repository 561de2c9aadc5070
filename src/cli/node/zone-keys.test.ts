import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../base/log.ts";
import { LocalBus } from "../../bus/mod.ts";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import type { Feed } from "../../model/feed.ts";
import { NO_HEALTH } from "../../model/health.ts";
import type { ZoneKey, ZoneKeySet } from "../../model/zone-keys.ts";
import { writeZoneKeys } from "../../store/zone-keys-disk.ts";
import { type LiveKeys, startKeyFeed } from "./zone-keys.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-node-keys-"));
const path = join(dir, "zone-keys.json");
const started: LiveKeys[] = [];
afterEach(() => {
  for (const keys of started.splice(0)) keys.stop();
  rmSync(path, { force: true });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const FEED: Feed = {
  snapshot: () => null,
  health: () => NO_HEALTH,
  assignment: () => NO_ASSIGNMENT,
  onSnapshot: () => () => {},
  onHealth: () => () => {},
};

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
  const keys = await startKeyFeed({ path, feed: FEED, bus, log: silentLog });
  started.push(keys);
  return keys;
}

test("with control dead, the keys on disk are there from the first moment", async () => {
  await writeZoneKeys(path, setOf("one"));
  const keys = await start(new LocalBus());
  await keys.catchUp();
  expect(keys.keys()).toEqual(setOf("one").keys);
});

test("new keys are told of once, kept on disk, and not asked for again", async () => {
  const bus = new LocalBus();
  let latest = setOf("one");
  bus.respond("zone.keys", ({ have }) => (have === latest.digest ? null : latest));
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
