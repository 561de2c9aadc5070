import type { Rule, RuleAccess } from "../../model/rules.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import {
  type AccessVerdict,
  type Coding,
  compileAccess,
  type Plan,
  SiteRules,
} from "../../policy/rules/mod.ts";
import { groupEntries } from "../../policy/snapshot/mod.ts";
import { compilePrefixes, familyOf } from "../../wire/ip/mod.ts";
import type { MemoryObject } from "../cache/mod.ts";

/**
 * Compresses an object's bytes off the path of any request; what comes of it is kept beside it. Resolves once it
 * is made, or will not be; null: too much waits already.
 */
export type Encode = (object: MemoryObject, coding: Coding) => Promise<void> | null;

type Judge = (client: Uint8Array | null, country: string | null) => AccessVerdict;

/** The rules of a site as the hot path looks them up. */
export interface EntryRules {
  readonly site: SiteRules;
  readonly access: ReadonlyMap<RuleAccess, Judge>;
}

/** What the rules made of a request: part of its `Ask`. */
export interface Ruled {
  readonly plan: Plan;
  /** Of the client, where the network file says it. */
  readonly country: string | null;
  /** Where the signature was that let it in; null: none was asked for. */
  readonly signedBy: "query" | "cookie" | null;
  /** Where another body may take an error's place: to be called once it is known (rules-page). */
  readonly encode: Encode;
  readonly settle: ((goesOut: boolean) => void) | null;
}

export function compileEntryRules(rules: readonly Rule[] | undefined): EntryRules | null {
  if (rules === undefined || rules.length === 0) return null;
  const access = new Map<RuleAccess, Judge>();
  for (const rule of rules) {
    if (rule.access !== undefined) access.set(rule.access, compileAccess(rule.access));
  }
  return { site: new SiteRules(rules), access };
}

/** The country of a client's group. */
export function compileCountries(snapshot: Snapshot): (client: Uint8Array | null) => string | null {
  if (snapshot.groups.every((group) => group.country === undefined)) return () => null;
  const table = compilePrefixes(
    groupEntries(snapshot).map(({ prefix, group }) => ({ prefix, value: group })),
  );
  return (client) => {
    if (client === null) return null;
    return snapshot.groups[table.find(client, familyOf(client)).value]?.country ?? null;
  };
}
