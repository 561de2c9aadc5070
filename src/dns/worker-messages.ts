import type { MessagePort } from "node:worker_threads";
import type { ZoneKey } from "../model/zone-keys.ts";
import type { HandedOver } from "./batch.ts";
import type { PackedCounts } from "./hot/counts.ts";
import type { HealthPatch } from "./hot/mirror.ts";
import type { Sample } from "./hot/sampler.ts";
import type { AnswerSettings } from "./hot/settings.ts";
import type { Tables } from "./hot/tables.ts";

/** The first message, by the Worker's own event; all others go through the port. */
export interface WorkerStart {
  readonly port: MessagePort;
  /** Bound UDP sockets, owned and closed by the main thread. */
  readonly fds: readonly number[];
  readonly seed: number;
  readonly settings: AnswerSettings;
}

export type ToWorker =
  /** Tables, of which all that is large is shared memory; and health. */
  | { readonly kind: "load"; readonly tables: Tables; readonly patch: HealthPatch }
  | { readonly kind: "patch"; readonly patch: HealthPatch }
  | { readonly kind: "keys"; readonly keys: readonly ZoneKey[]; readonly tables: Tables | null }
  /** Whether signed messages are to be handed over. */
  | { readonly kind: "handOver"; readonly on: boolean }
  | { readonly kind: "stop" };

/** What a thread answered since it last said so. */
export interface Report {
  readonly counts: readonly PackedCounts[];
  readonly tally: Float64Array;
  readonly samples: readonly Sample[];
  readonly failures: number;
}

export type FromWorker =
  | { readonly kind: "ready" }
  /** At least each 500 ms while there is something to count; `failures` are bugs of ours. */
  | ({ readonly kind: "counts" } & Report)
  | { readonly kind: "signed"; readonly message: HandedOver }
  /** A message could not be taken; what was served before still is. */
  | { readonly kind: "refused"; readonly words: string }
  /** The thread has ended. */
  | { readonly kind: "failed"; readonly words: string }
  | { readonly kind: "stopped" };
