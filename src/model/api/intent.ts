import { z } from "zod";
import { network } from "../network.ts";

/** What people asked for, as stored. Passwords are never in it. */
export const networkView = z
  .object({
    version: z.int().meta({ description: "Version of the intent; 0 when nothing was applied yet" }),
    publishedVersion: z.int().meta({ description: "The version that the last snapshot holds" }),
    network: network.nullable(),
    etag: z.string().meta({ description: "As If-Match it keeps an apply from undoing a change" }),
  })
  .meta({ id: "NetworkView" });
export type NetworkView = z.infer<typeof networkView>;

export const apply = z.strictObject({
  yaml: z.string().max(20_000_000).optional().meta({ description: "The network file's text" }),
  network: z.unknown().optional().meta({ description: "Or the same as JSON" }),
  dryRun: z.boolean().default(false).meta({ description: "Only say what would change" }),
  publish: z.boolean().default(true).meta({ description: "Publish at once what was applied" }),
});

export const change = z
  .object({
    action: z.enum(["add", "change", "remove"]),
    path: z.string(),
    from: z.string().optional(),
    to: z.string().optional(),
  })
  .meta({ id: "Change" });

/** What an apply did, or with `dryRun` would do. No changes: no new version, no new snapshot. */
export const applied = z
  .object({
    changes: z.array(change),
    version: z.int(),
    snapshot: z.int().nullable().meta({ description: "The number published by this, or null" }),
    dryRun: z.boolean(),
  })
  .meta({ id: "Applied" });
export type Applied = z.infer<typeof applied>;

export const snapshotRow = z
  .object({
    number: z.int(),
    hash: z.string(),
    intentVersion: z.int(),
    createdAt: z.string(),
    note: z.string(),
    acks: z.array(z.object({ node: z.string(), atMs: z.number() })),
    missing: z.array(z.string()).meta({ description: "Nodes that have not yet acknowledged it" }),
    kept: z.boolean().default(true).meta({
      description: "Whether what it was made from is still there: if not, nothing goes back to it",
    }),
  })
  .meta({ id: "SnapshotRow" });
export type SnapshotRow = z.infer<typeof snapshotRow>;

export const snapshotsQuery = z.object({
  before: z.coerce.number().int().min(1).optional().meta({ description: "Only older ones" }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

/** `published` is false when the newest intent was published before. */
export const published = z
  .object({ snapshot: snapshotRow, published: z.boolean() })
  .meta({ id: "Published" });
export type Published = z.infer<typeof published>;

export const rollback = z.strictObject({ number: z.int().min(1) });
