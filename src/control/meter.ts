import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { Problem } from "../base/result.ts";
import type { Bus } from "../bus/mod.ts";
import type { UsageBatch } from "../model/usage.ts";
import type { TakeOutcome, UsageLedger } from "../store/usage-ledger.ts";

const count = z.int().min(0);
const name = z.string().min(1).max(253);

const usageBatch = z.strictObject({
  node: name,
  epoch: name,
  seq: z.int().min(1),
  fromMs: count,
  toMs: count,
  entries: z.array(
    z.strictObject({
      customer: name,
      site: name,
      requests: count,
      hits: count,
      bytesOut: count,
      bytesIn: count,
      queries: count,
    }),
  ),
});

/** A node whose clock is further ahead than this is reported. */
const AHEAD_MS_MAX = 300_000;

interface Waiting {
  readonly batch: UsageBatch;
  resolve(outcome: TakeOutcome): void;
  reject(error: unknown): void;
}

/**
 * Answers `usage.batch` from the ledger: `taken` once the batch is on disk there, now or before.
 * Batches that arrive in one turn of the loop share one commit. A batch that contradicts one of
 * the same name is refused with Fault `conflict`, a malformed one with `bad-input`.
 */
export function mountMeter(o: {
  readonly bus: Bus;
  readonly ledger: UsageLedger;
  readonly clock: Clock;
  readonly log: Log;
}): () => void {
  let waiting: Waiting[] = [];
  const commit = () => {
    const taking = waiting;
    waiting = [];
    try {
      const batches = taking.map((w) => w.batch);
      const outcomes = o.ledger.take(batches, o.clock.wallMs());
      for (const [i, w] of taking.entries()) w.resolve(outcomes[i] ?? "quarantined");
    } catch (error) {
      o.log.error("Cannot write to the usage ledger; nodes keep usage and try again", { error });
      for (const w of taking) w.reject(error);
    }
  };
  return o.bus.respond("usage.batch", async (ask) => {
    const batch = checked(ask);
    if (batch.fromMs > o.clock.wallMs() + AHEAD_MS_MAX)
      o.log.warn("A node's clock is ahead; its usage counts at the time it arrived", nameOf(batch));
    const outcome = await new Promise<TakeOutcome>((resolve, reject) => {
      waiting.push({ batch, resolve, reject });
      if (waiting.length === 1) setImmediate(commit);
    });
    if (outcome === "quarantined") {
      o.log.error(
        "A usage batch contradicts one already taken; it is in quarantine",
        nameOf(batch),
      );
      throw new Fault("conflict", `usage batch ${batch.node} ${batch.epoch} ${batch.seq}`);
    }
    return { taken: true };
  });
}

function nameOf({ node, epoch, seq }: UsageBatch): Record<string, unknown> {
  return { node, epoch, seq };
}

function checked(ask: unknown): UsageBatch {
  const parsed = usageBatch.safeParse(ask);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue): Problem => ({ path: issue.path.join("."), message: issue.message }),
  );
  throw new Fault("bad-input", "a usage batch", { problems });
}
