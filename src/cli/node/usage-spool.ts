import { join } from "node:path";
import type { Log } from "../../base/log.ts";
import type { UsageBatch } from "../../model/usage.ts";
import { mergeBatches } from "../../policy/billing/mod.ts";
import { Spool } from "../../store/spool.ts";
import { SpoolJournal } from "../../store/spool-journal.ts";

/**
 * Opens what a process has on disk for the ledger. What a killed one had not finished becomes a batch,
 * unless it had reached the spool.
 *
 * @param o `dir` is a folder of one process alone; beyond `bytesMax` the oldest is merged by hour
 */
export async function openUsageSpool(o: {
  readonly dir: string;
  readonly log: Log;
  readonly bytesMax?: number;
}): Promise<{ readonly spool: Spool; readonly journal: SpoolJournal }> {
  const merge = (payloads: readonly string[], coarse: boolean) => {
    const batches = payloads.map((payload) => JSON.parse(payload) as UsageBatch);
    return mergeBatches(batches, { coarse }).map((batch) => JSON.stringify(batch));
  };
  const spool = await Spool.open({ ...o, merge });
  const { journal, last } = await SpoolJournal.open(join(o.dir, "journal"));
  if (last !== null) await adopt(spool, last);
  await journal.clear();
  return { spool, journal };
}

async function adopt(spool: Spool, unfinished: string): Promise<void> {
  const batch = JSON.parse(unfinished) as UsageBatch;
  const newest = JSON.parse((await spool.newest()) ?? "{}") as Partial<UsageBatch>;
  if (newest.epoch !== batch.epoch || newest.seq !== batch.seq) await spool.append(unfinished);
}
