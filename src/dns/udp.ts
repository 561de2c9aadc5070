import type { ZoneKey } from "../model/zone-keys.ts";
import type { HealthPatch } from "./hot/mirror.ts";
import type { Tables } from "./hot/tables.ts";

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
  /** Ends when nothing is read any more and all counts have been handed over. */
  stop(): Promise<void>;
}

/** An address to listen on; all hosts of a node share the port. */
export interface UdpListen {
  readonly hosts: readonly string[];
  readonly port: number;
}
