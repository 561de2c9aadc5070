import type { MessagePort } from "node:worker_threads";
import type { Assignment } from "../model/assignment.ts";
import type { Health } from "../model/health.ts";
import type { View } from "../policy/steering/mod.ts";
import type { DnsCounts } from "./hot/counts.ts";

/** The first message, by the Worker's own event; all others go through the port. */
export interface WorkerStart {
  readonly port: MessagePort;
  /** Bound UDP sockets, owned and closed by the main thread. */
  readonly fds: readonly number[];
  readonly seed: number;
}

export type ToWorker =
  | { readonly kind: "load"; readonly view: View }
  | { readonly kind: "refresh"; readonly health: Health; readonly assignment: Assignment }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "ready" }
  /** At least each 500 ms while there is something to count; `failures` are bugs of ours. */
  | { readonly kind: "counts"; readonly counts: DnsCounts; readonly failures: number }
  | { readonly kind: "failed"; readonly words: string }
  | { readonly kind: "stopped" };
