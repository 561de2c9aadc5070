import type { SnapshotBody } from "../../model/snapshot.ts";

/** Rows of one part: a change costs the parts that it touches, and one line for each of the others. */
const PART_ROWS = 128;
const LISTS = ["sites", "origins", "zones"] as const;

interface Hashed {
  readonly rows: readonly unknown[];
  readonly hashes: readonly string[];
}

/**
 * The hash of a snapshot's body (`hashing: 2`): SHA-256 over the body with the numbers of sites, origins
 * and zones in their places, and over the hashes of these lists' parts of 128 rows, a line each. What
 * stood in the body hashed last, the very same objects, is not hashed again.
 */
export class SnapshotHasher {
  readonly #last = new Map<(typeof LISTS)[number], Hashed>();

  hash(body: SnapshotBody, sha256: (text: string) => string): string {
    const { sites, origins, zones } = body;
    const counts = { sites: sites.length, origins: origins.length, zones: zones.length };
    const lines = [JSON.stringify({ ...body, ...counts })];
    for (const list of LISTS) {
      const hashes = this.#hashList(list, body[list], sha256);
      lines.push(...hashes);
    }
    return sha256(lines.join("\n"));
  }

  #hashList(
    list: (typeof LISTS)[number],
    rows: readonly unknown[],
    sha256: (text: string) => string,
  ): readonly string[] {
    const last = this.#last.get(list);
    const hashes: string[] = [];
    for (let from = 0; from < rows.length; from += PART_ROWS) {
      const kept = last?.hashes[hashes.length];
      const same = kept !== undefined && isSame(last!.rows, rows, from);
      const part = () => sha256(JSON.stringify(rows.slice(from, from + PART_ROWS)));
      hashes.push(same ? kept : part());
    }
    this.#last.set(list, { rows, hashes });
    return hashes;
  }
}

/** The hash of a body by itself. */
export function hashBody(body: SnapshotBody, sha256: (text: string) => string): string {
  return new SnapshotHasher().hash(body, sha256);
}

/** Whether the part that begins there is of the same objects. */
function isSame(before: readonly unknown[], after: readonly unknown[], from: number): boolean {
  const end = Math.min(from + PART_ROWS, Math.max(before.length, after.length));
  for (let i = from; i < end; i++) if (before[i] !== after[i]) return false;
  return true;
}
