import type { Health, TargetHealth } from "../../model/health.ts";
import type { LoadTold, NodeStats, ProbeReport } from "../../model/messages.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { type Target, targetsOf } from "../plan.ts";
import { type GroupPlaces, timesByPlace } from "./by-place.ts";
import { ClientRtt, type RttTable } from "./client-rtt.ts";
import { assumedLoad } from "./combine.ts";
import { type FailingView, massFailure } from "./mass-failure.ts";
import { type Now, TargetStateMachine } from "./target-state.ts";
import { figuresLoads } from "./told.ts";

export interface Judgement {
  readonly targets: Readonly<Record<string, TargetHealth>>;
  readonly rttMs: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly rttFrom?: NonNullable<Health["rttFrom"]>;
  readonly held: string | null;
}

/** What a response told counts a few seconds: further ones come where there is traffic. */
const TOLD_FRESH_MS = 5000;
const TTL_SEC_MAX = 3600;
/** What follows from places changes slowly and costs more than a tick should. */
const BY_PLACE_MS = 10_000;

/**
 * Folds the reports of all vantages into health. It reads no clock and touches nothing: the same
 * reports at the same times give the same judgement, on whichever node it runs.
 */
export class Judge {
  #targets = new Map<string, TargetStateMachine>();
  #vantages: ReadonlySet<string> = new Set();
  #groups: ReadonlySet<string> = new Set();
  /** Node -> its pop. */
  #nodes: ReadonlyMap<string, string> = new Map();
  /** Node -> the snapshot that it had when it last told what it did. */
  readonly #saidOf = new Map<string, number>();
  #first: number | null = null;
  #snapshot = 0;
  readonly #rtt = new ClientRtt();
  #map: Pick<Snapshot, "groups" | "pops"> = { groups: [], pops: [] };
  #places: GroupPlaces = new Map();
  #byPlace: { readonly atMs: number; readonly table: RttTable } | null = null;

  /** What is no longer in the snapshot is forgotten; what is another's, or checked differently, starts afresh. */
  setSnapshot(snapshot: Snapshot, now: Now): void {
    this.#first ??= snapshot.number;
    const next = new Map<string, TargetStateMachine>();
    for (const target of targetsOf(snapshot)) {
      const known = this.#targets.get(target.id);
      const same = known !== undefined && isSame(known.target, target);
      next.set(
        target.id,
        same
          ? known.continuedAs(target, now)
          : new TargetStateMachine(target, now, snapshot.number),
      );
    }
    this.#targets = next;
    this.#snapshot = snapshot.number;
    this.#map = snapshot;
    this.#byPlace = null;
    this.#groups = new Set(snapshot.groups.map((group) => group.name));
    this.#nodes = new Map(
      snapshot.nodes.map((node) => [node.name, snapshot.pops[node.pop]?.name ?? ""]),
    );
    for (const node of this.#saidOf.keys()) if (!this.#nodes.has(node)) this.#saidOf.delete(node);
    const probes = snapshot.nodes.filter((node) => node.roles.includes("probe"));
    this.#vantages = new Set(probes.map((node) => node.name));
    this.#rtt.forgetVantages(this.#vantages);
    this.#rtt.forgetClients(this.#groups, new Set(this.#nodes.keys()));
    for (const target of next.values()) target.forgetVantages(this.#vantages);
  }

  /** Where client groups are: for those that nobody measured. */
  setPlaces(places: GroupPlaces): void {
    this.#places = places;
    this.#byPlace = null;
  }

  /** Takes one report. True when an outcome in it differs from that vantage's last one. */
  take(report: ProbeReport, nowMs: number): boolean {
    if (!this.#vantages.has(report.vantage)) return false;
    this.#rtt.take(report, nowMs);
    let changed = false;
    for (const check of report.checks) {
      const target = this.#targets.get(check.target);
      if (target?.take(report, check, nowMs)) changed = true;
    }
    return changed;
  }

  /** Takes what the owner of a server pushed. */
  takeTold({ target, loads, atMs, ttlSec }: LoadTold, nowMs: number): void {
    const machine = this.#targets.get(target);
    if (machine === undefined || !(ttlSec > 0 && ttlSec <= TTL_SEC_MAX)) return;
    const seen = loads.map((load) => ({ ...load, atMs }));
    machine.pushed({ heardMs: nowMs, freshMs: ttlSec * 1000, loads: seen });
  }

  /** Takes what a node says of itself, and what origins told it in their responses. */
  takeStats(stats: NodeStats, nowMs: number): void {
    const { node, figures, told, clientRtt, beaconRtt, atMs } = stats;
    const pop = this.#nodes.get(node);
    if (pop === undefined) return;
    if (clientRtt !== undefined) {
      this.#rtt.takeClients({ node, pop, groups: this.#groups }, clientRtt, nowMs);
    }
    if (beaconRtt !== undefined) {
      const pops = new Set(this.#nodes.values());
      this.#rtt.takeBeacon({ node, pops, groups: this.#groups }, beaconRtt, nowMs);
    }
    const known = this.#knownTo(stats);
    for (const [id, seen] of Object.entries(stats.origins ?? {})) {
      known(id)?.seenByEdge(node, seen, { atMs, nowMs });
    }
    for (const [id, loads] of Object.entries(told ?? {})) {
      const seen = loads.map((load) => ({ ...load, atMs }));
      const word = { heardMs: nowMs, freshMs: TOLD_FRESH_MS, loads: seen };
      known(id)?.told(`edge ${node}`, word);
    }
    const machine = this.#targets.get(`node/${node}`);
    if (machine === undefined || figures === undefined) return;
    machine.tellsOfItself(figuresLoads(figures, machine.target, atMs), nowMs);
  }

  /** Targets as they are to a node: what it tells is of those of the second before, too. */
  #knownTo({ node, snapshot }: NodeStats): (id: string) => TargetStateMachine | null {
    const since = Math.min(snapshot, this.#saidOf.get(node) ?? snapshot);
    this.#saidOf.set(node, snapshot);
    return (id) => {
      const machine = this.#targets.get(id);
      return machine !== undefined && machine.fromSnapshot <= since ? machine : null;
    };
  }

  /**
   * Takes over what another judge last said of targets that nobody has told us about yet: a probe
   * that was restarted must not raise the dead. Of what another server had that name before, nothing is.
   */
  adopt(health: Health): void {
    for (const machine of this.#targets.values()) {
      const { fromSnapshot, target } = machine;
      if (fromSnapshot !== this.#first && health.snapshot < fromSnapshot) continue;
      machine.adopt(health.targets[target.id]);
    }
  }

  judge(now: Now): Judgement {
    const { suspects, held } = this.#massFailures(now.monoMs);
    const targets: Record<string, TargetHealth> = {};
    const knownByPool = new Map<string, number[]>();
    for (const machine of this.#targets.values()) {
      machine.decide(now, suspects, held.network);
      const health = machine.health(now);
      targets[health.id] = health;
      if (!health.loadKnown || health.state === "down") continue;
      const known = knownByPool.get(machine.target.pool) ?? [];
      known.push(health.load);
      knownByPool.set(machine.target.pool, known);
    }
    for (const { target } of this.#targets.values()) {
      const health = targets[target.id];
      if (health === undefined || health.loadKnown) continue;
      targets[target.id] = { ...health, load: assumedLoad(knownByPool.get(target.pool) ?? []) };
    }
    return { targets, ...this.#rttTable(now.monoMs), held: held.words };
  }

  #rttTable(nowMs: number): Pick<Judgement, "rttMs" | "rttFrom"> {
    const { rttMs, rttFrom } = this.#rtt.table(this.#groups, nowMs);
    if (this.#places.size > 0) this.#fillByPlace({ rttMs, rttFrom }, nowMs);
    return Object.keys(rttFrom).length === 0 ? { rttMs } : { rttMs, rttFrom };
  }

  #fillByPlace({ rttMs, rttFrom }: RttTable, nowMs: number): void {
    if (this.#byPlace === null || nowMs - this.#byPlace.atMs >= BY_PLACE_MS) {
      this.#byPlace = { atMs: nowMs, table: timesByPlace(this.#map, rttMs, this.#places) };
    }
    const { table } = this.#byPlace;
    for (const [group, guessed] of Object.entries(table.rttMs)) {
      for (const [pop, ms] of Object.entries(guessed)) {
        if (rttMs[group]?.[pop] !== undefined) continue;
        const origin = table.rttFrom[group]?.[pop];
        rttMs[group] = { ...rttMs[group], [pop]: ms };
        if (origin !== undefined) rttFrom[group] = { ...rttFrom[group], [pop]: origin };
      }
    }
  }

  get snapshotNumber(): number {
    return this.#snapshot;
  }

  /** Which vantages, or whether the whole network, fail in a way that is our own fault. */
  #massFailures(nowMs: number): {
    suspects: Set<string>;
    held: { network: boolean; words: string | null };
  } {
    const byVantage = new Map<string, FailingView[]>();
    const network: FailingView[] = [];
    for (const machine of this.#targets.values()) {
      const { pool } = machine.target;
      const wasUp = machine.measuredUp;
      const opinions = machine.failingByVantage(nowMs);
      for (const [vantage, fails] of opinions) {
        const views = byVantage.get(vantage) ?? [];
        views.push({ pool, failing: fails && wasUp });
        byVantage.set(vantage, views);
      }
      const failing = [...opinions.values()].filter((fails) => fails).length;
      if (opinions.size > 0) network.push({ pool, failing: wasUp && failing * 2 > opinions.size });
    }
    const words: string[] = [];
    const suspects = new Set<string>();
    for (const [vantage, views] of byVantage) {
      const mass = massFailure(views);
      if (mass === null) continue;
      suspects.add(vantage);
      words.push(`${mass} at ${vantage}: its view is held`);
    }
    const all = massFailure(network);
    if (all !== null)
      return { suspects, held: { network: true, words: `${all}: states are held` } };
    const said = words.length === 0 ? null : words.join("; ");
    return { suspects, held: { network: false, words: said } };
  }
}

/** Whether what was learnt of a target still holds: the same customer's, the same addresses, asked the same way. */
function isSame(a: Target, b: Target): boolean {
  return a.owner === b.owner && JSON.stringify(a.checks) === JSON.stringify(b.checks);
}
