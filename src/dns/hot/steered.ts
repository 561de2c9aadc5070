import type { Choice } from "../../model/decision.ts";
import type { GroupIndex, SiteIndex } from "../../model/snapshot.ts";
import { pick, steer, type View } from "../../policy/steering/mod.ts";
import type { Family } from "../../wire/ip/mod.ts";
import type { Stale } from "./mirror.ts";
import { encodeAddress } from "./record-data.ts";

/** When all servers are down and all are answered, at most so many fit into any packet. */
const ALL_DOWN_MAX = 16;

/** The decision for one (site or caches, group, family), as octets, with what was counted of it. */
export interface SteeredSet {
  readonly site: SiteIndex | null;
  readonly group: GroupIndex;
  readonly ttlSec: number;
  readonly choices: readonly Choice[];
  /** Per choice, 4 or 16 octets. */
  readonly data: readonly Uint8Array[];
  /** Answer every choice, since nothing is up: clients find out which one works. */
  readonly all: boolean;
  /** The only choice that can be drawn, or -1. */
  readonly only: number;
  /** Answers given since the last drain, and per choice. */
  lookups: number;
  readonly answered: Uint32Array;
}

/**
 * Decisions computed at the first question for each (subject, group, family) and kept until what
 * they depend on changes. Counts survive that: sets with counts stay in `#counted` until drained.
 */
export class SteeredTable {
  readonly #view: View;
  readonly #bySubject: ((SteeredSet | undefined)[] | undefined)[] = [];
  #counted: SteeredSet[] = [];

  constructor(view: View) {
    this.#view = view;
  }

  /** Forgets decisions about these; the view was changed in place before. */
  forget(stale: Stale): void {
    if (stale.edges) this.#bySubject[0] = undefined;
    for (const site of stale.sites) this.#bySubject[site + 1] = undefined;
  }

  /** `site` null asks for caches. Hot: one lookup once the decision is made. */
  find(site: SiteIndex | null, group: GroupIndex, family: Family): SteeredSet {
    const subject = site === null ? 0 : site + 1;
    const at = group * 2 + (family === 4 ? 0 : 1);
    return this.#bySubject[subject]?.[at] ?? this.#decide(site, group, family);
  }

  /** The index of the choice drawn; -1 if there is none. */
  draw(set: SteeredSet, seed: number): number {
    if (set.only >= 0) return set.only;
    const choice = pick(set.choices, seed);
    return choice === null ? -1 : set.choices.indexOf(choice);
  }

  /** Counts one answer that named this choice; -1 for all of them. */
  count(set: SteeredSet, choice: number): void {
    if (set.lookups === 0) this.#counted.push(set);
    set.lookups += 1;
    if (choice >= 0) set.answered[choice]! += 1;
    else for (let i = 0; i < set.answered.length; i++) set.answered[i]! += 1;
  }

  /** Sets with counts since the last drain; the caller reads them and then resets each. */
  drain(): readonly SteeredSet[] {
    const counted = this.#counted;
    this.#counted = [];
    return counted;
  }

  #decide(site: SiteIndex | null, group: GroupIndex, family: Family): SteeredSet {
    const ask = site === null ? ({ for: "edges" } as const) : ({ for: "origins", site } as const);
    const decision = steer(this.#view, ask, { group, family });
    const all = decision.allDown;
    const usable = decision.choices.filter((c) => (family === 4 ? c.v4 : c.v6) !== null);
    const choices = all ? usable.slice(0, ALL_DOWN_MAX) : usable;
    const weighted = choices.filter((c) => c.weight > 0).length;
    const set: SteeredSet = {
      site,
      group,
      ttlSec: decision.ttlSec,
      choices,
      data: choices.map((c) => encodeAddress((family === 4 ? c.v4 : c.v6) ?? "")),
      all: all && choices.length > 1,
      only: onlyChoice(choices, weighted),
      lookups: 0,
      answered: new Uint32Array(choices.length),
    };
    const subject = site === null ? 0 : site + 1;
    let sets = this.#bySubject[subject];
    if (sets === undefined) {
      sets = [];
      this.#bySubject[subject] = sets;
    }
    sets[group * 2 + (family === 4 ? 0 : 1)] = set;
    return set;
  }
}

/** As `pick()` would draw whatever the seed, or -1 where it depends on that. */
function onlyChoice(choices: readonly Choice[], weighted: number): number {
  if (choices.length === 0 || weighted > 1) return -1;
  return weighted === 1 ? choices.findIndex((c) => c.weight > 0) : 0;
}
