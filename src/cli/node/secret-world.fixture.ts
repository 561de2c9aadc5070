import { join } from "node:path";
import { silentLog } from "../../base/log.ts";
import { seededRng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import { NodeBox } from "../../store/sealed-word.ts";
import type { SecretWorld } from "./secret-feed.ts";

/** What a node's feeds of secrets need, for tests: nothing is published to it. */
export function secretWorld(dataDir: string, bus: Bus, seed = 7): SecretWorld {
  const rng = seededRng(seed);
  const box = NodeBox.at(join(dataDir, "node-key.secret"), rng);
  return { dataDir, box, bus, rng, log: silentLog, feed: { onSnapshot: () => () => {} } };
}
