import type { ZoneKey } from "../model/zone-keys.ts";
import type { HealthPatch } from "./hot/mirror.ts";
import type { Tables } from "./hot/tables.ts";
import type { Asked } from "./signed-desk.ts";

/** A snapshot compiled, and what its targets' health is then, beginning from nothing. */
export interface Loading {
  readonly tables: Tables;
  readonly patch: HealthPatch;
}

/** The two ways to answer UDP behind one face. */
export interface UdpServer {
  load(next: Loading): void;
  patch(patch: HealthPatch): void;
  /** All keys to sign with from now on, and the tables that tell of them, if there is a snapshot. */
  keys(keys: readonly ZoneKey[], tables: Tables | null): void;
  /** Whether signed messages go to `onSigned`. */
  handOver(on: boolean): void;
  /** Ends when nothing is read any more and all counts have been handed over. */
  stop(): Promise<void>;
}

/** An address to listen on; all hosts of a node share the port. */
export interface UdpListen {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Takes a signed message and sends what comes back, at most one. */
  readonly onSigned: (asked: Asked) => Promise<Uint8Array | null>;
}
