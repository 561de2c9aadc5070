import type { Snapshot } from "../../model/snapshot.ts";
import { ownAddresses } from "../../policy/snapshot/mod.ts";
import { vetAddress } from "../../wire/ip/mod.ts";

const own = new WeakMap<Snapshot, ReturnType<typeof ownAddresses>>();

/**
 * Why a cache may not connect to an address that a customer named; null: it may. Our own nodes are
 * nobody's servers, whatever was in force when one was entered (threats H13, T1).
 */
export function refusesAddress(snapshot: Snapshot, address: string, port: number): string | null {
  const { allowPrivateOrigins, allowOriginRanges } = snapshot;
  const reason = vetAddress(address, {
    allowPrivate: allowPrivateOrigins,
    ranges: allowOriginRanges,
  });
  if (reason !== null) return reason;
  const known = own.get(snapshot) ?? ownAddresses(snapshot);
  own.set(snapshot, known);
  return known(address, port) ? "a node of this network" : null;
}
