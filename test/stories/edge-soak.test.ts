// A whole node under mixed traffic for long: what it holds and how long it takes stay as they are. What
// is judged, and that it would be noticed, stands beside it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { seededRng } from "../../src/base/rng.ts";
import { rises, trendOf } from "../lab/flat.ts";
import { SoakClients } from "../lab/soak-clients.ts";
import { MEMORY_MIB, SoakWorld } from "../lab/soak-world.ts";
import { loopback } from "../lab/turnpike.ts";
import {
  type Allowed,
  type Bare,
  descriptorsOf,
  judge,
  pssMiB,
  startBare,
  Watch,
  type Window,
} from "../lab/watch.ts";

/** The long run takes 20 minutes, and its start and end; `--full` an hour. */
const SECONDS = Number(process.env.TURNPIKE_SOAK_SEC ?? 8);
const IS_LONG = SECONDS >= 600;
const WINDOW_SEC = IS_LONG ? 60 : SECONDS / 4;
const WINDOWS = Math.round(SECONDS / WINDOW_SEC);
/** Until memory and disk are full, everything has been done, and what runs often is compiled: 90,000 requests. */
const WARM = Math.min(Math.floor(0.3 * WINDOWS), 8);
/**
 * The same from first to last: where traffic falls to a third, memory falls by a tenth within a minute, and
 * what is judged would begin in that hollow. Two cores are busy by half with it; where they are not enough,
 * what waits takes memory, too.
 */
const PACE_MS = IS_LONG ? 100 : 200;
const TICK_MS = IS_LONG ? 500 : 150;
/** What has to happen in a run; on a slow machine a short one goes on until all of it did. */
const ACTS = ["purges", "deaths", "snapshots", "certificates", "logLines"];
const LATE_MS = 40_000;
const ALLOWED: Allowed = {
  pssMiB: 0.1 * MEMORY_MIB,
  descriptors: 8,
  ...{ cpu: 1.3, p50: 1.5, p90: 2, p99: 3 },
};

describe("a soak", () => {
  const world = new SoakWorld();
  const clients = new SoakClients(world, seededRng(11), PACE_MS);
  let bare: Bare;
  let watch: Watch;

  beforeAll(async () => {
    await world.start();
    bare = await startBare(world.beside, "sound");
    const host = world.sites[0]!.host;
    const node = world.pid("node");
    watch = new Watch({
      pid: () => node,
      subject: { ...world.at, host, path: "/probed/1000/x" },
      control: bare,
      ...{ everyMs: 20, sampleMs: IS_LONG ? 1_000 : 100 },
    });
  }, 120_000);
  afterAll(async () => {
    await clients.stop();
    await watch?.stop();
    await bare?.stop();
    await world.stop();
  }, 60_000);

  /** What operators do, until the run is over and each thing was done once. */
  async function act(untilMs: number): Promise<void> {
    const endMs = () => untilMs + (ACTS.some((what) => world.did[what] === 0) ? LATE_MS : 0);
    for (let n = 0; performance.now() < endMs(); n++) {
      await world.act(n, TICK_MS);
      await Bun.sleep(TICK_MS);
    }
  }

  test(
    "under mixed traffic memory, descriptors and latency stay as they are, and every answer is right",
    async () => {
      if (IS_LONG) await clients.fill();
      clients.start({ clients: 24, slow: 8 });
      const acting = act(performance.now() + SECONDS * 1000);
      const windows: (Window & { readonly controlPssMiB: number; readonly held: object })[] = [];
      const requests: number[] = [];
      for (let i = 0; i < WINDOWS; i++) {
        const window = await watch.window(WINDOW_SEC, () => clients.asked);
        const controlPssMiB = Math.round(pssMiB(world.pid("control")));
        windows.push({ ...window, controlPssMiB, held: await world.held() });
        requests.push(clients.asked);
        tell({ windows, requests });
      }
      await acting;
      const judged = judge(windows.slice(WARM), ALLOWED);
      tell({ windows, requests, judged });
      expect(clients.wrong.slice(0, 5)).toEqual([]);
      for (const what of ACTS) expect([what, world.did[what]! > 0]).toEqual([what, true]);
      // Now and then a kept connection ends as it is used; more would be a cache that drops them.
      expect(clients.counts.askedAgain ?? 0).toBeLessThan(20 + clients.asked / 200);
      expect([world.did.logLinesLost, world.did.logLinesOfOthers]).toEqual([0, 0]);
      // A short run is still filling the cache.
      if (IS_LONG) expect(judged.rising).toEqual([]);
      expect(descriptorsOf(world.pid("node"))).toBeLessThan(400);
    },
    60_000 + SECONDS * 1_500,
  );

  /** What there is to tell so far: a run of an hour is looked at before its end. */
  function tell(of: { windows: object[]; requests: number[]; judged?: object }): void {
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence === undefined) return;
    const { did } = world;
    const { counts, wrong } = clients;
    const figures = { seconds: SECONDS, memoryMiB: MEMORY_MIB, warm: WARM, allowed: ALLOWED };
    const sofar = { ...figures, ...of, did, counts, wrong: wrong.slice(0, 20) };
    writeFileSync(evidence, JSON.stringify(sofar));
  }
});

describe("what a soak is judged by", () => {
  const at = loopback();

  test("finds a server that holds more and more and takes longer and longer", async () => {
    const leaking = await startBare(at(1), "leak");
    const sound = await startBare(at(2), "sound");
    const both = { subject: leaking.probed, control: sound };
    const watch = new Watch({ pid: () => leaking.pid, ...both, everyMs: 2, sampleMs: 50 });
    const windows: Window[] = [];
    for (let i = 0; i < 10; i++) windows.push(await watch.window(0.5));
    await watch.stop();
    await leaking.stop();
    await sound.stop();
    const { rising, trends } = judge(windows, ALLOWED);
    if (rising.length < 3) process.stdout.write(JSON.stringify({ trends, windows }));
    expect(rising).toEqual(expect.arrayContaining(["pssMiB", "descriptors", "cpu"]));
  }, 60_000);

  /** Minutes in which the machine slows both by chance, and the subject by a factor at the end. */
  function minutes(seed: number, slower: number): Window[] {
    const { float } = seededRng(seed);
    return Array.from({ length: 45 }, (_, i) => {
      const noise = 1 + 20 * float() ** 4;
      const own = slower ** (i / 44) * noise;
      const of = (ms: number) => ({
        ...{ asked: 3_000, p50Ms: ms * (1 + float() / 4) },
        ...{ p90Ms: 8 * ms * (1 + float() / 2), p99Ms: 50 * ms * (1 + float()) },
      });
      const rest = { failed: 0, pssMiB: 130, descriptors: 110 + Math.round(8 * float()) };
      const dearer = 1 + float();
      const cpuMsEach = slower ** (i / 44) * dearer * (1 + float() / 4);
      const each = { cpuMsEach, workMsEach: 2 * dearer };
      return { subject: of(0.5 * own), control: of(0.2 * noise), ...rest, ...each };
    });
  }

  test("lets the machine slow both, and finds that one became slower", () => {
    for (let seed = 1; seed <= 50; seed++) {
      expect([seed, judge(minutes(seed, 1), ALLOWED).rising]).toEqual([seed, []]);
      const { rising } = judge(minutes(seed, 8), ALLOWED);
      expect([seed, rising]).toEqual([seed, ["cpu", "p50", "p90", "p99"]]);
    }
  });

  test("is not moved by noise or by a few wild windows, and finds a small steady rise in them", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { float } = seededRng(seed);
      const noise = Array.from({ length: 45 }, () => 130 + 8 * (float() - 0.5));
      for (let i = 0; i < 5; i++) noise[Math.floor(float() * 45)]! += 60 * float();
      expect([seed, rises(noise, 6.4)]).toEqual([seed, false]);
      const leaking = noise.map((value, i) => value + (15 * i) / 44);
      expect([seed, rises(leaking, 6.4)]).toEqual([seed, true]);
    }
  });

  test("tells a trend from first to last", () => {
    expect(trendOf([1, 2, 3, 4, 5])).toEqual({ rise: 4, errorOfRise: 0 });
    expect(trendOf([5, 5, 5, 90, 5, 5, 5]).rise).toBe(0);
  });
});
