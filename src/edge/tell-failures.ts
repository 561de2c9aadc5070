import type { Clock } from "../base/clock.ts";
import type { Bus } from "../bus/bus.ts";

/** One server is told of at most so often, ms. */
const EVERY_MS = 500;
/** Servers told of lately: beyond it all are forgotten, and the bus carries at most so many a time. */
const KNOWN_MAX = 1000;

/**
 * Tells probes of a fetch that failed, so that they check that server at once and not at their next
 * beat. They bound what comes of it: whoever makes an origin fail cannot make it be checked often.
 */
export function tellFailures(o: {
  readonly node: string;
  readonly bus: Bus;
  readonly clock: Clock;
}): (originId: string) => void {
  const toldMs = new Map<string, number>();
  return (target) => {
    const nowMs = o.clock.monoMs();
    if (nowMs - (toldMs.get(target) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
    if (toldMs.size >= KNOWN_MAX) toldMs.clear();
    toldMs.set(target, nowMs);
    o.bus.publish("origin.failed", { node: o.node, target });
  };
}
