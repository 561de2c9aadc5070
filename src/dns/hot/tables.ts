import type { Snapshot } from "../../model/snapshot.ts";
import { compileNames, groupEntries } from "../../policy/snapshot/mod.ts";
import { compilePrefixBytes, type PrefixBytes } from "../../wire/ip/mod.ts";
import { compileNameBytes } from "./compile-names.ts";
import type { NameBytes } from "./name-index.ts";
import type { SigningZone } from "./sign-zone.ts";
import { compileSteering, type SteeringBytes } from "./steering-bytes.ts";

/**
 * What is looked up of one snapshot. Plain data: made once, in the thread that is told of snapshots,
 * and posted to the others, which read the same memory. Never changed: the next snapshot brings others.
 */
export interface Tables {
  /** The snapshot's number. */
  readonly snapshot: number;
  readonly names: NameBytes;
  readonly groups: PrefixBytes;
  readonly steering: SteeringBytes;
}

/** @param signing zones by name, whose keys are told at their apex. */
export function compileTables(
  snapshot: Snapshot,
  signing?: ReadonlyMap<string, SigningZone>,
): Tables {
  const entries = groupEntries(snapshot).map((e) => ({ prefix: e.prefix, value: e.group }));
  return {
    snapshot: snapshot.number,
    names: nameBytesOf(snapshot, signing),
    groups: compilePrefixBytes(entries),
    steering: compileSteering(snapshot),
  };
}

/** The same with other keys. */
export function withKeys(
  tables: Tables,
  snapshot: Snapshot,
  signing?: ReadonlyMap<string, SigningZone>,
): Tables {
  return { ...tables, names: nameBytesOf(snapshot, signing) };
}

function nameBytesOf(
  snapshot: Snapshot,
  signing: ReadonlyMap<string, SigningZone> | undefined,
): NameBytes {
  const { number: serial, contact, zone } = snapshot;
  return compileNameBytes(compileNames(snapshot), { serial, contact, zone }, signing);
}
