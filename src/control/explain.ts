import { Fault } from "../base/fault.ts";
import type { Explanation } from "../model/api/mod.ts";
import type { Decision } from "../model/decision.ts";
import type { Feed } from "../model/feed.ts";
import type { Health } from "../model/health.ts";
import type { GroupIndex, Snapshot, SnapshotRecord, SnapshotSite } from "../model/snapshot.ts";
import {
  askOfSteered,
  compileNames,
  groupEntries,
  type NameTable,
} from "../policy/snapshot/mod.ts";
import {
  clientSeed,
  edgesAsk,
  pick,
  type SteerAsk,
  steer,
  type View,
} from "../policy/steering/mod.ts";
import {
  clearHostBits,
  compilePrefixes,
  formatPrefix,
  type PrefixTable,
  parsePrefix,
} from "../wire/ip/mod.ts";
import type { History } from "./history.ts";
import { viewAt } from "./past.ts";

export interface ExplainOrder {
  readonly name: string;
  readonly client: string;
  /** What a name server answers, or which origin a cache asks on a miss. */
  readonly use: "answer" | "miss";
  /** Whose names may be asked about; null for all. */
  readonly customer: string | null;
  /** ISO 8601; absent for now. */
  readonly at?: string | undefined;
}

/** Explains by the functions that answer: the same tables and `steer()` on the feed's view. */
export class Explainer {
  readonly #feed: Feed;
  readonly #history: Pick<History, "at"> | null;
  #tables: { snapshot: Snapshot; names: NameTable; prefixes: PrefixTable } | null = null;

  constructor(feed: Feed, history: Pick<History, "at"> | null = null) {
    this.#feed = feed;
    this.#history = history;
  }

  /**
   * @throws Fault `snapshot-missing`; `not-found` for another customer's name, or for a time that
   *   was not recorded
   */
  explain(o: ExplainOrder): Explanation {
    const { client, customer } = o;
    const view = viewAt({ feed: this.#feed, history: this.#history }, o.at);
    const { snapshot, health } = view;
    const { names, prefixes } = this.#tablesOf(snapshot);
    const asked = o.name.toLowerCase().replace(/\.$/, "");
    const named = find(snapshot, names, asked);
    const found = o.use === "miss" ? missOf(named) : named;
    if (customer !== null && found.owner !== customer && found.owner !== "everybody") {
      throw new Fault("not-found", asked);
    }
    const { group, scope, seed } = groupOf(prefixes, client);
    return {
      name: asked,
      client,
      ...(o.at === undefined ? {} : { at: o.at }),
      group: snapshot.groups[group]?.name ?? "default",
      scope,
      site: found.site?.hostname ?? null,
      snapshot: snapshot.number,
      health: health.number,
      assignment: view.assignment.number,
      latency: latencyOf(snapshot, health, group),
      ...answerOf(view, found, { group, seed }),
    };
  }

  #tablesOf(snapshot: Snapshot) {
    if (this.#tables?.snapshot !== snapshot) {
      const entries = groupEntries(snapshot).map(({ prefix, group }) => ({ prefix, value: group }));
      const prefixes = compilePrefixes(entries);
      this.#tables = { snapshot, names: compileNames(snapshot), prefixes };
    }
    return this.#tables;
  }
}

/** The times that steering takes for the group, and where each comes from. */
function latencyOf(
  snapshot: Snapshot,
  health: Health,
  index: GroupIndex,
): NonNullable<Explanation["latency"]> {
  const group = snapshot.groups[index];
  if (group === undefined) return [];
  const rows: NonNullable<Explanation["latency"]> = [];
  const nothing = { samples: null, ageSec: null, addedMs: null };
  for (const [i, { name: pop }] of snapshot.pops.entries()) {
    const measured = health.rttMs[group.name]?.[pop];
    const known = group.rttMs[i] ?? null;
    if (measured !== undefined) {
      const { from = "probes", ...more } = health.rttFrom?.[group.name]?.[pop] ?? {};
      rows.push({ pop, rttMs: measured, from, ...nothing, ...more });
    } else if (known !== null) rows.push({ pop, rttMs: known, from: "file", ...nothing });
  }
  return rows.sort((a, b) => a.rttMs - b.rttMs);
}

interface Found {
  readonly ask: SteerAsk | null;
  readonly site: SnapshotSite | null;
  readonly records: readonly SnapshotRecord[];
  readonly known: boolean;
  /** A customer's name, or who may ask besides the operator. */
  readonly owner: string;
}

/**
 * The names that we answer; and those that lead to one by the customer's CNAME, which we never see:
 * a site's own hostname is explained as its target, an alias as its cache host.
 */
function find(snapshot: Snapshot, names: NameTable, name: string): Found {
  const entry = names.names.get(name);
  if (entry === undefined) {
    const site = snapshot.sites.find((s) => s.hostname === name || s.aliases.includes(name));
    if (site === undefined) {
      return { ask: null, site: null, records: [], known: false, owner: "nobody" };
    }
    const edges = site.front === "caches" || site.hostname !== name;
    const ask: SteerAsk = edges
      ? edgesAsk(snapshot, site.hostname)
      : { for: "origins", site: site.index };
    return { ask, site, records: [], known: true, owner: site.customer };
  }
  const { steered, records } = entry;
  const zone = names.zones[entry.zone];
  const zoneOwner = snapshot.zones.find((z) => z.name === zone?.name)?.customer;
  const site = steered?.site == null ? null : (snapshot.sites[steered.site] ?? null);
  const owner = site?.customer ?? zoneOwner ?? "everybody";
  if (steered === null) return { ask: null, site, records, known: true, owner };
  return { ask: askOfSteered(steered), site, records, known: true, owner };
}

/** A cache's own choice of origin for the site that the name belongs to. */
function missOf(found: Found): Found {
  if (found.site === null) return { ...found, ask: null };
  return { ...found, ask: { for: "origins", site: found.site.index, use: "miss" } };
}

interface Asking {
  readonly group: GroupIndex;
  /** What a draw that sticks to clients is made of. */
  readonly seed: number;
}

function groupOf(prefixes: PrefixTable, client: string): Asking & { readonly scope: string } {
  // A prefix is what a resolver tells of its client, and what a query log keeps.
  const known = parsePrefix(client);
  if (known === null) {
    const message = "expected an IP address";
    throw new Fault("bad-input", "", { problems: [{ path: "client", message, received: client }] });
  }
  const { address, family } = known;
  const packed = prefixes.lookup(address, 0, family, known.bits);
  const seed = clientSeed(address, 0, { family, bits: known.bits });
  const bits = packed & 255;
  clearHostBits(address, bits);
  return { group: packed >> 8, seed, scope: formatPrefix({ family, address, bits }) };
}

function answerOf(
  view: View,
  found: Found,
  { group, seed }: Asking,
): Pick<Explanation, "kind" | "answer" | "decision" | "records"> {
  const records = found.records.map(({ type, ttlSec, values }) => {
    return { type, ttlSec, values: [...values] };
  });
  if (found.ask === null) {
    const of = (type: string) => found.records.find((r) => r.type === type);
    const ttlSec = (of("A") ?? of("AAAA") ?? found.records[0])?.ttlSec ?? 0;
    const answer = { v4: of("A")?.values[0] ?? null, v6: of("AAAA")?.values[0] ?? null, ttlSec };
    return { kind: found.known ? "records" : "none", answer, decision: null, records };
  }
  const decision = steer(view, found.ask, { group });
  const first = (family: 4 | 6) =>
    pick(steer(view, found.ask as SteerAsk, { group, family }).choices, seed);
  const answer = {
    v4: first(4)?.v4 ?? null,
    v6: first(6)?.v6 ?? null,
    ttlSec: decision.ttlSec,
  };
  return { kind: found.ask.for, answer, decision: plain(decision), records };
}

/** The decision without what its type keeps read-only. */
function plain(decision: Decision): NonNullable<Explanation["decision"]> {
  const reasons = decision.reasons.map((c) => {
    return { ...c, sources: [...c.sources], verdicts: [...c.verdicts] };
  });
  return { ...decision, choices: [...decision.choices], reasons };
}
