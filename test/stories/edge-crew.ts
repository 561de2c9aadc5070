import { rmSync } from "node:fs";
import { join } from "node:path";
import { mergeTold } from "../../src/cli/node/merge-stats.ts";
import { MetricsSum } from "../../src/cli/node/metrics-sum.ts";
import { type EdgeOptions, type EdgeRole, makeCrewFolder, startEdge } from "../../src/edge/mod.ts";
import type { Feed } from "../../src/model/feed.ts";

/** Set: every story of caches is told by a keeper and a worker in place of one process. */
const CREW = process.env.TURNPIKE_STAGE_CREW === "1";

/** One process or a crew, as the environment asks where nothing is said. */
export function startAsAsked(options: EdgeOptions, isCrew = CREW): Promise<EdgeRole> {
  return isCrew ? startCrew(options, options.feed) : startEdge(options);
}

/** A keeper and one worker, in this process: what one process alone does, they do together. */
export async function startCrew(options: EdgeOptions, keeperFeed: Feed): Promise<EdgeRole> {
  const crew = { folder: makeCrewFolder(), nowMs: () => options.clock.monoMs() };
  const keeper = await startEdge({
    ...options,
    feed: keeperFeed,
    crew: { ...crew, part: "keeper", number: 0 },
  });
  const worker = await startEdge({
    ...options,
    dataDir: join(options.dataDir, "worker"),
    diskBytesMax: 0,
    crew: { ...crew, part: "worker", number: 1 },
  });
  const metrics = new MetricsSum();
  return {
    ...worker,
    stop: async () => {
      await worker.stop();
      await keeper.stop();
      rmSync(crew.folder, { recursive: true, force: true });
    },
    metrics: () => {
      const texts = { worker: worker.metrics(), keeper: keeper.metrics() };
      return metrics.merge(new Map(Object.entries(texts)));
    },
    drainStats: () => {
      const none = { lookups: {}, edgeLookups: {}, answers: {} };
      const both = [worker, keeper].map((edge) => ({ ...none, ...edge.drainStats() }));
      return mergeTold(both);
    },
  };
}
