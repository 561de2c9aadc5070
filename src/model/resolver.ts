import type { Message } from "../wire/dns/mod.ts";

/**
 * How roles look names up out there: for proofs of ownership, and for targets of aliases. Whoever starts
 * a role gives it one; tests give theirs.
 */
export interface NameResolver {
  /** Asks a resolver. @throws Fault `bus-timeout` when none answers */
  lookup(name: string, type: number): Promise<Message>;
  /** Asks the name server at this address (with a port where it is not 53) itself, without recursion. @throws Fault `bus-timeout` */
  lookupAt(address: string, name: string, type: number): Promise<Message>;
}
