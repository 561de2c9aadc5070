import { z } from "zod";
import { bad, ok, type Result } from "../../base/result.ts";
import { SNAPSHOT_SCHEMA, type Snapshot } from "../../model/snapshot.ts";
import { SnapshotHasher } from "./hash.ts";

const index = z.int().min(0);

/** The shape as far as indexes and counts go; the hash vouches for the rest. */
const shape = z.looseObject({
  schema: z.literal(SNAPSHOT_SCHEMA),
  hashing: z.literal(2).optional(),
  number: z.int().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAtMs: z.number(),
  zone: z.string().min(1),
  pops: z.array(z.looseObject({ name: z.string() })),
  nodes: z.array(z.looseObject({ index, id: z.string(), pop: index })).min(1),
  groups: z.array(z.looseObject({ index, name: z.string() })).min(1),
  sites: z.array(z.looseObject({ index, hostname: z.string(), origins: z.array(index) })),
  origins: z.array(z.looseObject({ index, id: z.string(), site: index })),
  zones: z.array(z.looseObject({ name: z.string(), records: z.array(z.looseObject({})) })),
});

/**
 * Reads a snapshot from disk or bus as if it were hostile: shape, indexes within range and in
 * order, no target twice, and the hash over the body (threats.md C8, 1.3).
 */
export function verifySnapshot(value: unknown, sha256: (text: string) => string): Result<Snapshot> {
  const parsed = shape.safeParse(value);
  if (!parsed.success) {
    return bad(
      parsed.error.issues.map((issue) => ({
        path: issue.path.join("."),
        message: issue.message,
      })),
    );
  }
  const { pops, nodes, groups, sites, origins } = parsed.data;
  const inOrder = [nodes, groups, sites, origins].every((list) =>
    (list as { index: number }[]).every((item, i) => item.index === i),
  );
  const inRange =
    nodes.every((node) => node.pop < pops.length) &&
    origins.every((origin) => origin.site < sites.length) &&
    sites.every((site) => site.origins.every((o) => o < origins.length));
  const ids = [...nodes, ...origins].map((target) => target.id);
  if (!inOrder || !inRange || new Set(ids).size !== ids.length) {
    return bad([{ path: "", message: "expected indexes in order, in range and without doubles" }]);
  }
  const { hash, ...body } = value as Snapshot;
  const parts = body.hashing === 2;
  const found = parts ? new SnapshotHasher().hash(body, sha256) : sha256(JSON.stringify(body));
  if (found !== hash) {
    return bad([
      { path: "hash", message: `expected the hash of the body, ${found}`, received: hash },
    ]);
  }
  return ok(value as Snapshot);
}
