import { afterEach, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { FakeClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { LocalBus } from "../../bus/mod.ts";
import { type LiveFeed, startFeed } from "./feed.ts";

const open: { feeds: LiveFeed[]; dirs: string[] } = { feeds: [], dirs: [] };
afterEach(async () => {
  for (const feed of open.feeds.splice(0)) feed.stop();
  for (const dir of open.dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "turnpike-feed-"));
  open.dirs.push(dir);
  return dir;
}

async function feedOn(bus: LocalBus, dir: string | null): Promise<LiveFeed> {
  const feed = await startFeed({ node: "fra-1", dir, bus, clock: new FakeClock(), log: silentLog });
  open.feeds.push(feed);
  return feed;
}

function nextAck(bus: LocalBus): Promise<number> {
  return new Promise((done) => bus.subscribe("snapshot.ack", (ack) => done(ack.number)));
}

test("startFeed() swaps a published snapshot in, acknowledges it and keeps it on disk", async () => {
  const bus = new LocalBus();
  const dir = await folder();
  const feed = await feedOn(bus, dir);
  expect(feed.snapshot()).toBeNull();
  const acked = nextAck(bus);
  bus.publish("snapshot.published", { snapshot: snapshotOf(SMALL, 7) });
  expect(await acked).toBe(7);
  expect(feed.snapshot()?.number).toBe(7);
  const again = await feedOn(new LocalBus(), dir);
  expect(again.snapshot()?.number).toBe(7);
});

test("startFeed() takes no older, no doubled and no damaged snapshot (D17)", async () => {
  const bus = new LocalBus();
  const feed = await feedOn(bus, null);
  const first = nextAck(bus);
  bus.publish("snapshot.published", { snapshot: snapshotOf(SMALL, 10) });
  await first;
  bus.publish("snapshot.published", { snapshot: snapshotOf(SMALL, 9) });
  bus.publish("snapshot.published", {
    snapshot: { ...snapshotOf(SMALL, 11), zone: "evil.example" },
  });
  const last = new Promise<void>((done) => {
    bus.subscribe("snapshot.ack", (ack) => ack.number === 12 && done());
  });
  bus.publish("snapshot.published", { snapshot: snapshotOf(SMALL, 12) });
  await last;
  expect(feed.snapshot()).toMatchObject({ number: 12, zone: "cdn.example" });
});

test("startFeed() falls back to the older snapshot when the newest on disk is damaged", async () => {
  const bus = new LocalBus();
  const dir = await folder();
  await feedOn(bus, dir);
  for (const number of [1, 2]) {
    const acked = nextAck(bus);
    bus.publish("snapshot.published", { snapshot: snapshotOf(SMALL, number) });
    await acked;
  }
  const newest = (await readdir(dir)).sort().at(-1)!;
  await writeFile(join(dir, newest), "{ torn");
  const again = await feedOn(new LocalBus(), dir);
  expect(again.snapshot()?.number).toBe(1);
});

test("startFeed() asks for the latest snapshot when it missed it", async () => {
  const bus = new LocalBus();
  bus.respond("snapshot.latest", ({ have }) => (have < 3 ? snapshotOf(SMALL, 3) : null));
  const acked = nextAck(bus);
  const feed = await feedOn(bus, null);
  await acked;
  expect(feed.snapshot()?.number).toBe(3);
});
