import type { Frame } from "../../bus/mod.ts";
import type { Events, NodeStats } from "../../model/messages.ts";
import { mergeTold, type Told } from "./merge-stats.ts";

/** What a process said of itself counts for so long, ms, where it says nothing new. */
const SAID_MS = 3_000;

export interface VoiceOptions {
  readonly node: string;
  readonly publish: <S extends keyof Events>(subject: S, message: Events[S]) => void;
  /** Of a clock that never goes back. */
  readonly monoMs: () => number;
  readonly wallMs: () => number;
}

interface Member {
  /** Counts that are in no message of the node's yet. */
  readonly waiting: NodeStats[];
  last: NodeStats | null;
  lastMs: number;
  /** The newest snapshot that it has, and that its cache has in force. */
  acked: number;
  /** Null: it is no cache. */
  turned: number | null;
}

/**
 * What the processes of one node say as itself, said once: its figures are those of all of them, and it
 * has a snapshot when each of those that run has it. All else passes.
 */
export class CrewVoice {
  readonly #o: VoiceOptions;
  readonly #members = new Map<string, Member>();
  #acked = 0;
  #turned = 0;

  constructor(o: VoiceOptions) {
    this.#o = o;
  }

  /** It runs, and is waited for from now on. */
  joined(name: string, o: { readonly isCache: boolean }): void {
    if (this.#members.has(name)) return;
    const turned = o.isCache ? 0 : null;
    this.#members.set(name, { waiting: [], last: null, lastMs: 0, acked: 0, turned });
  }

  /** It ended; what it counted stays counted. */
  left(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    this.#members.delete(name);
    if (member.waiting.length > 0) this.#say([...member.waiting, ...this.#taken()]);
    this.#settle();
  }

  /** True: it is said by `tick` or when the others have said it, too. */
  takes(name: string, frame: Frame): boolean {
    const member = this.#members.get(name);
    if (frame.t !== "event" || member === undefined) return false;
    if (frame.subject === "stats") {
      member.last = frame.message as NodeStats;
      member.lastMs = this.#o.monoMs();
      member.waiting.push(member.last);
      return true;
    }
    if (frame.subject === "snapshot.ack") {
      member.acked = Math.max(member.acked, (frame.message as Events["snapshot.ack"]).number);
      this.#settle();
      return true;
    }
    if (frame.subject !== "snapshot.turn") return false;
    const { role, number } = frame.message as Events["snapshot.turn"];
    if (role !== "edge") return false;
    member.turned = Math.max(member.turned ?? 0, number);
    this.#settle();
    return true;
  }

  /** To be called once a second. */
  tick(): void {
    const taken = this.#taken();
    if (taken.length > 0) this.#say(taken);
  }

  /** What waits of each; of one that was silent for a moment, what it last said of itself. */
  #taken(): NodeStats[] {
    const sinceMs = this.#o.monoMs() - SAID_MS;
    const said: NodeStats[] = [];
    let any = false;
    for (const { waiting, last, lastMs } of this.#members.values()) {
      any ||= waiting.length > 0;
      if (waiting.length > 0) said.push(oneAfterAnother(waiting.splice(0)));
      else if (last !== null && lastMs >= sinceMs) said.push({ ...last, ...NOTHING_NEW });
    }
    return any ? said : [];
  }

  #say(said: readonly NodeStats[]): void {
    const [first] = said;
    if (first === undefined) return;
    const atMs = Math.max(...said.map((one) => one.atMs));
    const snapshot = Math.min(...said.map((one) => one.snapshot));
    this.#o.publish("stats", { node: this.#o.node, atMs, snapshot, ...mergeTold(said) });
  }

  #settle(): void {
    const members = [...this.#members.values()];
    if (members.length === 0) return;
    const acked = Math.min(...members.map((one) => one.acked));
    const node = this.#o.node;
    if (acked > this.#acked) {
      this.#acked = acked;
      this.#o.publish("snapshot.ack", { node, number: acked, atMs: this.#o.wallMs() });
    }
    const caches = members.map((one) => one.turned).filter((turned) => turned !== null);
    const turned = caches.length === 0 ? 0 : Math.min(...caches);
    if (turned <= this.#turned) return;
    this.#turned = turned;
    this.#o.publish("snapshot.turn", { node, role: "edge", number: turned });
  }
}

/** Counts that were said already, and what is not of this second. */
const NOTHING_NEW = {
  ...{ lookups: {}, edgeLookups: {}, answers: {}, edge: {}, fetches: {}, told: {}, networks: {} },
  ...{ whyNot: {}, hedges: {} },
  ...{ origins: {}, tiers: {}, parents: {}, parentsFailed: {} },
};

/** Of one process: counts are added up, of what it says of itself the last stands. */
function oneAfterAnother(all: readonly NodeStats[]): NodeStats {
  const last = all.at(-1)!;
  if (all.length === 1) return last;
  const { figures, logs, clientRtt, beaconRtt, ...counts } = mergeTold(all) as Told;
  const own = {
    ...(last.figures && { figures: last.figures }),
    ...(last.logs && { logs: last.logs }),
    ...(last.clientRtt && { clientRtt: last.clientRtt }),
    ...(last.beaconRtt && { beaconRtt: last.beaconRtt }),
  };
  return { ...counts, ...own, node: last.node, atMs: last.atMs, snapshot: last.snapshot };
}
