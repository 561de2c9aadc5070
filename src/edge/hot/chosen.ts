import type { Choice } from "../../model/decision.ts";
import type { SiteIndex, Snapshot } from "../../model/snapshot.ts";
import { steer, type View } from "../../policy/steering/mod.ts";

/** What was decided while this was what was known. */
interface Decided extends Pick<View, "health" | "assignment"> {
  readonly bySite: Map<SiteIndex, readonly Choice[]>;
}

/**
 * The decision for a site's misses follows from snapshot, health and assignment alone, none of which
 * ever changes in place: made at the first miss after one of them was replaced, and looked up by the
 * others.
 */
export class Chosen {
  /** What is known of the world does not outlive its snapshot. */
  readonly #decided = new WeakMap<Snapshot, Decided>();

  /** The servers that may be asked, in order, with their weights. */
  of(view: View, site: SiteIndex): readonly Choice[] {
    const { bySite } = this.#decidedFor(view);
    let choices = bySite.get(site);
    if (choices === undefined) {
      const what = { for: "origins", site, use: "miss" } as const;
      choices = steer(view, what, { group: 0, brief: true }).choices.map((choice) =>
        choice.kind === "fallback" ? { ...choice, id: fallbackOf(view, site) } : choice,
      );
      bySite.set(site, choices);
    }
    return choices;
  }

  #decidedFor({ snapshot, health, assignment }: View): Decided {
    const known = this.#decided.get(snapshot);
    if (known?.health === health && known.assignment === assignment) return known;
    const fresh = { health, assignment, bySite: new Map() };
    this.#decided.set(snapshot, fresh);
    return fresh;
  }
}

/** Each site has its own: one that hangs has none of the places of another's. */
function fallbackOf({ snapshot }: View, site: SiteIndex): string {
  return `fallback of ${snapshot.sites[site]?.hostname}`;
}
