import { sql, type Transaction } from "kysely";
import type { Schema } from "./schema.ts";

type Tx = Transaction<Schema>;

/** How much is kept of what was published. */
export interface Keep {
  /** Heads of snapshots: what was published when, and why. */
  readonly heads: number;
  /** The newest of them are kept whole, with the intents that they were made from, however large. */
  readonly whole: number;
  /** Intents of the others stay while all that stay are no more than that, the newest first. */
  readonly intentBytesMax: number;
}

export const KEEP: Keep = { heads: 500, whole: 20, intentBytesMax: 32 * 1024 * 1024 };

/** Forgets what is too old or too much of snapshots and intents. */
export async function prune(tx: Tx, keep: Keep): Promise<void> {
  const heads = await tx
    .selectFrom("snapshot")
    .select(["number", "intent_version"])
    .orderBy("number", "desc")
    .execute();
  const eldest = heads[keep.heads - 1]?.number;
  if (eldest !== undefined) await tx.deleteFrom("snapshot").where("number", "<", eldest).execute();
  const whole = heads[keep.whole - 1]?.number;
  if (whole !== undefined) {
    await tx
      .updateTable("snapshot")
      .set({ body: "" })
      .where("number", "<", whole)
      .where("body", "<>", "")
      .execute();
  }
  const named = heads.slice(0, keep.heads).map((head) => head.intent_version);
  const dropped = await droppedIntents(tx, named, keep);
  if (dropped.length > 0) {
    await tx.deleteFrom("intent").where("version", "in", dropped).execute();
  }
}

/** @param named versions that snapshots were made from, the newest first */
async function droppedIntents(tx: Tx, named: readonly number[], keep: Keep): Promise<number[]> {
  const rows = await tx
    .selectFrom("intent")
    .select(["version", sql<number>`octet_length(network)`.as("bytes")])
    .orderBy("version", "desc")
    .execute();
  const newest = rows[0]?.version ?? 0;
  const held = new Set(named.slice(0, keep.whole));
  const known = new Set(named);
  const dropped: number[] = [];
  let bytes = 0;
  for (const row of rows) {
    bytes += row.bytes;
    if (row.version > newest - keep.whole || held.has(row.version)) continue;
    if (!known.has(row.version) || bytes > keep.intentBytesMax) {
      dropped.push(row.version);
      bytes -= row.bytes;
    }
  }
  return dropped;
}
