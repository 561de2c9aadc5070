import type { Assignment } from "./assignment.ts";
import type { Health } from "./health.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What a role looks at: the snapshot in force and the latest health and assignment. Whoever starts
 * the role keeps them current (from disk at start, from the bus later); roles only read.
 */
export interface Feed {
  /** Null until a first snapshot is known. */
  snapshot(): Snapshot | null;
  health(): Health;
  assignment(): Assignment;
  /** Called after each swap of a snapshot. Returns the way to stop listening. */
  onSnapshot(listener: (snapshot: Snapshot) => void): () => void;
  /** Called after each new health and assignment. */
  onHealth(listener: () => void): () => void;
}
