// Our name server as shipped, in a process of its own, for bench/dns.ts: a snapshot from a file, as a
// node has it; cookies, rate limits and metering on as a node file without a word has them; and every
// second new health: in which 2000 web servers' loads differ, as 2000 checks a second give (all of them
// at 1000 names), or 500 have fallen or come back, or nothing is new.
// Arguments: the file, `signed` or `plain`, `loads` or `falls` or `still`. Prints its port.
import { readFileSync } from "node:fs";
import { realClock } from "../src/base/real/clock.ts";
import { jsonLog } from "../src/base/real/log.ts";
import { realRng } from "../src/base/real/rng.ts";
import { answerSettings } from "../src/cli/node/dns-options.ts";
import { makeZoneKey } from "../src/control/keys-make.ts";
import { startDns } from "../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../src/model/assignment.ts";
import type { Feed } from "../src/model/feed.ts";
import type { TargetHealth } from "../src/model/health.ts";
import { nodeFile } from "../src/model/node-file.ts";
import type { Snapshot } from "../src/model/snapshot.ts";
import { noUsage, type UsageCounters } from "../src/model/usage.ts";
import { BENCH_ZONE, healthOf } from "./dns-world.ts";

const [file = "", how = "", change = "loads"] = process.argv.slice(2);
const signed = how === "signed";
const snapshot = JSON.parse(readFileSync(file, "utf8")) as Snapshot;
const keys = signed ? [makeZoneKey({ zone: BENCH_ZONE, algorithm: 13, state: "active" })] : [];
let health = healthOf(snapshot);
const targets: Record<string, TargetHealth> = { ...health.targets };
// Only the first server of each site falls, so that answers change and none is empty.
const ids = Object.keys(targets).filter((_, i) => change !== "falls" || i % 2 === 0);
const CHANGES_PER_TICK = { loads: 2000, falls: 500, still: 0 }[change] ?? 0;
/** What each says the next time that it says something else: made ahead, as it is not our server's work. */
const others = ids.map((id): TargetHealth => {
  const target = targets[id]!;
  return change === "falls"
    ? { ...target, state: "down" }
    : { ...target, load: target.load + 0.001 };
});
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
  answering: answerSettings(nodeFile.parse({ name: "a", pop: "here", data: "." }), realRng),
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
    targets[ids[next]!] = others[next]!;
    others[next] = before;
  }
  health = { ...health, targets, number: health.number + 1 };
  for (const listener of listeners) listener();
  dns.drainStats();
}, 1000);
process.stdout.write(`${dns.port}\n`);
