import { rmSync } from "node:fs";
import { join } from "node:path";
import { mergeTold } from "../../src/cli/node/merge-stats.ts";
import { MetricsSum } from "../../src/cli/node/metrics-sum.ts";
import { type EdgeOptions, type EdgeRole, makeCrewFolder, startEdge } from "../../src/edge/mod.ts";
import type { Feed } from "../../src/model/feed.ts";

/** So many: every story of caches is told by a keeper and these workers in place of one process. */
const WORKERS = Number(process.env.TURNPIKE_STAGE_CREW ?? "0");

/** One process or a crew, as the environment asks where nothing is said. */
export function startAsAsked(options: EdgeOptions, isCrew = WORKERS > 0): Promise<EdgeRole> {
  return isCrew ? startCrew(options, options.feed) : startEdge(options);
}

/** A keeper and workers, in this process: what one process alone does, they do together. */
export async function startCrew(options: EdgeOptions, keeperFeed: Feed): Promise<EdgeRole> {
  const crew = { folder: makeCrewFolder(), nowMs: () => options.clock.monoMs() };
  const keeper = await startEdge({
    ...options,
    feed: keeperFeed,
    crew: { ...crew, part: "keeper", number: 0 },
  });
  const startWorker = (number: number, listen = options.listen) =>
    startEdge({
      ...{ ...options, listen },
      dataDir: join(options.dataDir, `worker-${number}`),
      diskBytesMax: 0,
      crew: { ...crew, part: "worker", number },
    });
  const first = await startWorker(1);
  // As nodes have it: of several the first has HTTP/3.
  const listen = {
    ...{ ...options.listen, http3: false },
    http: first.httpPort,
    ...(first.httpsPort === null ? {} : { https: first.httpsPort }),
  };
  const workers = [first];
  while (workers.length < WORKERS) workers.push(await startWorker(workers.length + 1, listen));
  const all = [...workers, keeper];
  const metrics = new MetricsSum();
  return {
    ...first,
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
      await keeper.stop();
      rmSync(crew.folder, { recursive: true, force: true });
    },
    metrics: () => metrics.merge(new Map(all.map((one, i) => [String(i), one.metrics()]))),
    drainStats: () => {
      const none = { lookups: {}, edgeLookups: {}, answers: {} };
      return mergeTold(all.map((edge) => ({ ...none, ...edge.drainStats() })));
    },
  };
}
