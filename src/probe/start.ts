import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Bus } from "../bus/mod.ts";
import type { Feed } from "../model/feed.ts";
import type { CheckReport, ProbeReport } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { readPlaces } from "./geo.ts";
import { startJudging } from "./judging.ts";
import { type LatencyMeter, startLatency } from "./latency.ts";
import { startOutbox } from "./outbox.ts";
import { startSchedule } from "./schedule.ts";

export interface ProbeOptions {
  readonly node: string;
  readonly pop: string;
  readonly feed: Feed;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** MaxMind DB files that tell where client groups are. */
  readonly places?: readonly string[];
}

export interface Probe {
  stop(): Promise<void>;
}

/** Starts the probe role. It measures nothing until the feed has a snapshot. */
export async function startProbe(options: ProbeOptions): Promise<Probe> {
  const { node, pop, feed, bus, clock, rng } = options;
  const log = options.log.with({ role: "probe" });
  const judging = startJudging({ node, feed, bus, clock, log });
  let latency: LatencyMeter | null = null;
  let from = "";
  let snapshotNumber = 0;

  const send = (checks: readonly CheckReport[]) => {
    const atMs = clock.wallMs();
    const rttMs = latency?.rttMs() ?? {};
    const own = { vantage: node, pop, snapshot: snapshotNumber };
    const report: ProbeReport = { ...own, atMs, checks, rttMs };
    judging.take(report);
    bus.publish("probe.report", report);
  };
  const outbox = startOutbox(send);
  const schedule = startSchedule({ clock, rng, log, onReport: outbox.add });

  /** Questions leave from the node's own address, so its latency is the one clients see. */
  const follow = async (snapshot: Snapshot) => {
    const own = snapshot.nodes.find((one) => one.name === node);
    const addresses = { v4: own?.v4 ?? null, v6: own?.v6 ?? null };
    if (latency === null || from !== JSON.stringify(addresses)) {
      from = JSON.stringify(addresses);
      latency?.stop();
      latency = await startLatency({ from: addresses, clock, rng });
    }
    latency.setSnapshot(snapshot);
  };
  let following = Promise.resolve();
  /** Read again with each snapshot: its groups may be others, and so may the files. */
  const place = async (snapshot: Snapshot) => {
    const { places = [] } = options;
    if (places.length === 0) return;
    const read = await readPlaces(places, snapshot);
    for (const why of read.problems) log.warn("Cannot use a file of places", { why });
    judging.setPlaces(read.places);
  };
  const take = (snapshot: Snapshot) => {
    // What was seen until now is of the servers of the snapshot before.
    outbox.flush();
    snapshotNumber = snapshot.number;
    judging.setSnapshot(snapshot);
    schedule.setSnapshot(snapshot);
    following = following
      .then(() => follow(snapshot))
      .catch((error) => {
        log.error("Latency to clients cannot be measured", { error });
      })
      .then(() => place(snapshot));
  };
  const known = feed.snapshot();
  if (known !== null) take(known);
  const ends = [
    feed.onSnapshot(take),
    bus.subscribe("origin.failed", ({ target }) => schedule.hurry(target)),
  ];
  return {
    async stop() {
      for (const end of ends) end();
      schedule.stop();
      outbox.stop();
      judging.stop();
      await following;
      latency?.stop();
    },
  };
}
