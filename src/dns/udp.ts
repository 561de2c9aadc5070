import type { Assignment } from "../model/assignment.ts";
import type { Health } from "../model/health.ts";
import type { View } from "../policy/steering/mod.ts";

/** The two ways to answer UDP behind one face. */
export interface UdpServer {
  load(view: View): void;
  refresh(health: Health, assignment: Assignment): void;
  /** Ends when nothing is read any more and all counts have been handed over. */
  stop(): Promise<void>;
}

/** An address to listen on; all hosts of a node share the port. */
export interface UdpListen {
  readonly hosts: readonly string[];
  readonly port: number;
}
