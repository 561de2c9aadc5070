import type { Clock } from "../base/clock.ts";
import type { Rng } from "../base/rng.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { SmoothedRtt, startLatencyAsker } from "./checks/client-latency.ts";
import { resolveHost } from "./checks/resolve.ts";
import { splitHostPort } from "./plan.ts";

export interface LatencyMeter {
  setSnapshot(snapshot: Snapshot): void;
  /** Client group -> ms, of those that answered lately. */
  rttMs(): Record<string, number>;
  stop(): void;
}

const INTERVAL_MS = 1000;
const TIMEOUT_MS = 900;

interface Group {
  readonly resolver: string;
  readonly rtt: SmoothedRtt;
}

/** Measures, once a second, the way to the resolver of every client group that names one. */
export async function startLatency(options: {
  readonly from: { readonly v4: string | null; readonly v6: string | null };
  readonly clock: Clock;
  readonly rng: Rng;
}): Promise<LatencyMeter> {
  const asker = await startLatencyAsker(options);
  const groups = new Map<string, Group>();
  const measure = async (group: Group) => {
    const { host, port } = splitHostPort(group.resolver);
    const address = await resolveHost(host, TIMEOUT_MS);
    group.rtt.add(address === null ? null : await asker.measure(address, port, TIMEOUT_MS));
  };
  const timer = setInterval(() => {
    for (const group of groups.values()) void measure(group);
  }, INTERVAL_MS);
  return {
    setSnapshot(snapshot) {
      const named = new Map(snapshot.groups.map((group) => [group.name, group.resolver]));
      for (const [name, group] of groups) {
        if (named.get(name) !== group.resolver) groups.delete(name);
      }
      for (const [name, resolver] of named) {
        if (resolver === undefined || groups.has(name)) continue;
        const group = { resolver, rtt: new SmoothedRtt() };
        groups.set(name, group);
        void measure(group);
      }
    },
    rttMs() {
      const table: Record<string, number> = {};
      for (const [name, group] of groups) {
        if (group.rtt.rttMs !== null) table[name] = group.rtt.rttMs;
      }
      return table;
    },
    stop() {
      clearInterval(timer);
      asker.close();
    },
  };
}
