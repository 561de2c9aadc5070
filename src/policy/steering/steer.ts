import type { Assignment } from "../../model/assignment.ts";
import type { Choice, Decision } from "../../model/decision.ts";
import type { Health } from "../../model/health.ts";
import type { SteeringPreset } from "../../model/site.ts";
import type { GroupIndex, SiteIndex, Snapshot, SnapshotSite } from "../../model/snapshot.ts";
import {
  judgeHealthy,
  note,
  type Standing,
  standingOfNode,
  standingOfOrigin,
  toCandidate,
} from "./candidate.ts";
import { lowestLoad } from "./lowest-load.ts";
import { nearestUnloaded } from "./nearest-unloaded.ts";

/** What is known at one instant: intent compiled, what was observed, and who has what. */
export interface View {
  readonly snapshot: Snapshot;
  readonly health: Health;
  readonly assignment: Assignment;
}

/**
 * What is asked for. `use: "first"` (the default) is the answer for a site's first address: servers
 * on another port than the site's cannot give it. `use: "miss"` is a cache's own choice of origin:
 * any port, and the lowest load at this instant whatever server a client group was given.
 */
export type SteerAsk =
  | { readonly for: "origins"; readonly site: SiteIndex; readonly use?: "first" | "miss" }
  | { readonly for: "edges" };

export interface SteerClient {
  readonly group: GroupIndex;
  /** Only servers with an address of this family. */
  readonly family?: 4 | 6;
  /** Target ids not to be used, such as those that failed within this request. */
  readonly exclude?: ReadonlySet<string>;
}

/** TTL of cache answers while health is young, seconds. */
const YOUNG_EDGE_TTL_SEC = 5;

/**
 * The one decision: ordered choices for a client, with every candidate's measurements and each
 * filter's verdict. DNS answers, the edge's choice of origin and explain all come from here.
 *
 * State chart of the end: some kept -> the preset orders them; none kept by health -> the all-down
 * choice (fallback, all, or none); kept by health but not by family, port or weight -> no choices.
 *
 * @example steer(view, { for: "origins", site: 0 }, { group: 0, family: 4 }).choices[0]
 */
export function steer(view: View, ask: SteerAsk, client: SteerClient): Decision {
  const site = ask.for === "origins" ? view.snapshot.sites[ask.site] : undefined;
  const standings = ask.for === "origins" ? originsOf(view, site) : edgesOf(view, client.group);
  for (const standing of standings) {
    judgeHealthy(standing);
    judgeFit(standing, ask, { site, client });
  }
  const kept = standings.filter((s) => s.kept);
  const ordered = order(kept, view, { ask, site, client });
  const rest = standings.filter((s) => !s.kept);
  const young = standings.some((s) => s.health === undefined || s.health.young);
  const ttlSec = ttlOf(view.snapshot, site, young);
  if (ordered.length > 0) {
    const choices = ordered.map((s, i) => toChoice(s, i === 0 ? 1 : 0));
    return { choices, ttlSec, allDown: false, reasons: [...ordered, ...rest].map(toCandidate) };
  }
  if (standings.some((s) => s.verdicts[0]?.kept === true)) {
    return { choices: [], ttlSec, allDown: false, reasons: standings.map(toCandidate) };
  }
  return allDown(standings, site, { client, ttlSec });
}

function originsOf(view: View, site: SnapshotSite | undefined): Standing[] {
  const origins = site?.origins.map((index) => view.snapshot.origins[index]) ?? [];
  return origins
    .filter((origin) => origin !== undefined)
    .map((origin) => standingOfOrigin(origin, view.health, view.assignment));
}

function edgesOf(view: View, group: GroupIndex): Standing[] {
  return view.snapshot.nodes
    .filter((node) => node.roles.includes("edge"))
    .map((node) => standingOfNode(node, view, group));
}

function judgeFit(
  s: Standing,
  ask: SteerAsk,
  about: { site: SnapshotSite | undefined; client: SteerClient },
): void {
  if (!s.kept) return;
  const { site, client } = about;
  if (s.weight === 0) note(s, "weight", false, ["weight-zero", "its weight is 0"]);
  else if (client.exclude?.has(s.id) === true) {
    note(s, "excluded", false, ["excluded", "failed within this request"]);
  } else if (ask.for === "origins" && ask.use !== "miss" && s.port !== site?.port) {
    note(s, "port", false, ["other-port", `serves port ${s.port}, the site's is ${site?.port}`]);
  } else if (client.family !== undefined) {
    const has = (client.family === 4 ? s.v4 : s.v6) !== null;
    note(s, "family", has, [has ? "has-family" : "lacks-family", `IPv${client.family}`]);
  }
}

function order(
  kept: readonly Standing[],
  view: View,
  about: { ask: SteerAsk; site: SnapshotSite | undefined; client: SteerClient },
): Standing[] {
  const group = view.snapshot.groups[about.client.group]?.name ?? "default";
  const preset: SteeringPreset =
    about.ask.for === "edges" ? "nearest-unloaded" : (about.site?.preset ?? "lowest-load");
  const assigned = assignedTo(view.assignment, about, group);
  if (preset === "lowest-load") return lowestLoad(kept, assigned);
  return nearestUnloaded(kept, assigned);
}

function assignedTo(
  assignment: Assignment,
  about: { ask: SteerAsk; site: SnapshotSite | undefined },
  group: string,
): string | undefined {
  if (about.ask.for === "edges") return assignment.edges[group];
  if (about.ask.use === "miss" || about.site === undefined) return undefined;
  return assignment.origins[about.site.hostname]?.[group];
}

function ttlOf(snapshot: Snapshot, site: SnapshotSite | undefined, young: boolean): number {
  const full = site?.ttlSec ?? snapshot.ttlSec;
  return young ? Math.min(full, site?.youngTtlSec ?? YOUNG_EDGE_TTL_SEC) : full;
}

function toChoice(s: Standing, weight: number): Choice {
  const { kind, index, id, v4, v6, port } = s;
  return { kind, index, id, v4, v6, port, weight };
}

/** Nothing is usable: a live name is never answered empty unless its site asks for that. */
function allDown(
  standings: readonly Standing[],
  site: SnapshotSite | undefined,
  about: { client: SteerClient; ttlSec: number },
): Decision {
  const { client, ttlSec } = about;
  const base = { ttlSec, allDown: true, reasons: standings.map(toCandidate) };
  if (site?.fallback !== undefined && client.family !== 6) {
    const port = site.port;
    const v4 = site.fallback;
    const choice = { kind: "fallback", index: -1, id: "fallback", v4, v6: null, port, weight: 1 };
    return { ...base, choices: [choice as Choice] };
  }
  if (site?.allDown === "none") return { ...base, choices: [] };
  const usable = standings.filter(
    (s) =>
      client.exclude?.has(s.id) !== true &&
      (client.family === undefined || (client.family === 4 ? s.v4 : s.v6) !== null),
  );
  return { ...base, choices: usable.map((s) => toChoice(s, 1)) };
}
