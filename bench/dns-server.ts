// Our name server as shipped, in a process of its own, for bench/dns.ts: real snapshot, metering on,
// and every second new health in which 2000 web servers' loads differ, as 2000 checks a second give
// (all of them at 1000 names). Arguments: names, prefixes, `signed`. Prints its port.
import { realClock } from "../src/base/real/clock.ts";
import { jsonLog } from "../src/base/real/log.ts";
import { realRng } from "../src/base/real/rng.ts";
import { makeZoneKey } from "../src/control/keys-make.ts";
import { startDns } from "../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../src/model/assignment.ts";
import type { Feed } from "../src/model/feed.ts";
import type { TargetHealth } from "../src/model/health.ts";
import { noUsage, type UsageCounters } from "../src/model/usage.ts";
import { BENCH_ZONE, compileWorld, healthOf } from "./dns-world.ts";

const [names = "1000", prefixes = "0", how = ""] = process.argv.slice(2);
const signed = how === "signed";
const snapshot = compileWorld({ names: Number(names), prefixes: Number(prefixes), signed });
const keys = signed ? [makeZoneKey({ zone: BENCH_ZONE, algorithm: 13, state: "active" })] : [];
let health = healthOf(snapshot);
const targets: Record<string, TargetHealth> = { ...health.targets };
const ids = Object.keys(targets);
const CHANGES_PER_TICK = 2000;
let next = 0;
const listeners = new Set<() => void>();
const feed: Feed = {
  snapshot: () => snapshot,
  health: () => health,
  assignment: () => NO_ASSIGNMENT,
  onSnapshot: () => () => {},
  onHealth: (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
const usage = new Map<string, UsageCounters>();
const dns = await startDns({
  node: "a",
  listen: { hosts: ["127.0.0.1"], port: 0 },
  feed,
  keys: { keys: () => keys, onKeys: () => () => {} },
  meter: {
    of: (_customer, site) => {
      const known = usage.get(site) ?? noUsage();
      usage.set(site, known);
      return known;
    },
  },
  clock: realClock,
  rng: realRng,
  log: jsonLog("warn"),
});
setInterval(() => {
  for (let i = 0; i < Math.min(CHANGES_PER_TICK, ids.length); i++, next = (next + 1) % ids.length) {
    const before = targets[ids[next]!]!;
    const load = before.load + (health.number % 2 === 0 ? 0.001 : -0.001);
    targets[ids[next]!] = { ...before, load };
  }
  health = { ...health, targets, number: health.number + 1 };
  for (const listener of listeners) listener();
  dns.drainStats();
}, 1000);
process.stdout.write(`${dns.port}\n`);
