import type { Snapshot } from "../model/snapshot.ts";

/** Whose each hostname is, so that what was counted of one customer is not shown to the next. */
export class Owners {
  #of: ReadonlyMap<string, string>;

  constructor(first: Snapshot | null) {
    this.#of = ownersIn(first?.sites ?? []);
  }

  /** Hostnames that are another's than before, or somebody's where they were nobody's. */
  moved({ sites }: Pick<Snapshot, "sites">): ReadonlySet<string> {
    const before = this.#of;
    this.#of = ownersIn(sites);
    const moved = sites.filter(({ hostname, customer }) => before.get(hostname) !== customer);
    return new Set(moved.map(({ hostname }) => hostname));
  }
}

function ownersIn(sites: Snapshot["sites"]): ReadonlyMap<string, string> {
  return new Map(sites.map(({ hostname, customer }) => [hostname, customer]));
}
