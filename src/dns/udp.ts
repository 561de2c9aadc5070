import type { Snapshot } from "../model/snapshot.ts";
import type { ZoneKey } from "../model/zone-keys.ts";
import type { HealthPatch } from "./hot/mirror.ts";

/** A snapshot, and what its targets' health is then, beginning from nothing. */
export interface Loading {
  readonly snapshot: Snapshot;
  readonly patch: HealthPatch;
}

/** The two ways to answer UDP behind one face. */
export interface UdpServer {
  load(next: Loading): void;
  patch(patch: HealthPatch): void;
  /** All keys to sign with from now on. */
  keys(keys: readonly ZoneKey[]): void;
  /** Ends when nothing is read any more and all counts have been handed over. */
  stop(): Promise<void>;
}

/** An address to listen on; all hosts of a node share the port. */
export interface UdpListen {
  readonly hosts: readonly string[];
  readonly port: number;
}
