import type {
  ClientRtt,
  Hedged,
  NodeFigures,
  NodeStats,
  OriginSeen,
} from "../../model/messages.ts";
import type { LogsTold } from "../../model/site-logs.ts";

/** All that processes of a node tell: of it all, who they are says nothing. */
export type Told = Omit<NodeStats, "node" | "atMs" | "snapshot">;

type Table<T> = Readonly<Record<string, T>>;

/**
 * What several processes of a node said of the same second, as one: counts are added up, what each
 * says of itself is folded. One alone is given back as it is.
 */
export function mergeTold(all: readonly Told[]): Told {
  const tables = <K extends keyof Told>(name: K) =>
    all.map((one) => one[name]).filter((table) => table !== undefined);
  const some = <K extends keyof Told>(name: K, of: (tables: NonNullable<Told[K]>[]) => unknown) => {
    const found = tables(name) as NonNullable<Told[K]>[];
    return found.length === 0 ? {} : { [name]: of(found) };
  };
  const edge = byName(tables("edge"), addFields);
  return {
    lookups: byName(tables("lookups"), (rows) => byName(rows, sum)),
    edgeLookups: byName(tables("edgeLookups"), sum),
    answers: byName(tables("answers"), sum),
    edge,
    ...some("whyNot", (found) => byName(found, (rows) => byName(rows, sum))),
    ...some("hedges", (found) => byName(found, addHedged)),
    fetches: byName(tables("fetches"), sum),
    ...some("tiers", (found) => byName(found, addFields)),
    ...some("parents", (found) => byName(found, sum)),
    ...some("parentsFailed", (found) => byName(found, sum)),
    ...some("told", (found) => byName(found, (rows) => rows.at(-1)!)),
    ...some("origins", (found) => byName(found, mergeSeen)),
    ...some("clientRtt", (found) => byName(found, mergeRtt)),
    ...some("networks", (found) => byName(found, (rows) => rows.at(-1)!)),
    ...some("beaconRtt", (found) => byName(found, (rows) => byName(rows, mergeRtt))),
    ...some("logs", (found) => byName(found, mergeLogs)),
    ...some("figures", (found) => mergeFigures(found, edge)),
  };
}

/** Rows of the same name folded into one. */
function byName<T>(
  tables: readonly Table<T>[],
  fold: (rows: readonly T[]) => T,
): Record<string, T> {
  const rows = new Map<string, T[]>();
  for (const table of tables) {
    for (const [name, row] of Object.entries(table)) {
      const own = rows.get(name);
      if (own === undefined) rows.set(name, [row]);
      else own.push(row);
    }
  }
  return Object.fromEntries([...rows].map(([name, own]) => [name, fold(own)]));
}

function addHedged(rows: readonly Hedged[]): Hedged {
  return { asked: sum(rows.map((row) => row.asked)), won: sum(rows.map((row) => row.won)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function addFields(rows: readonly NodeStats["edge"][string][]): NodeStats["edge"][string] {
  return {
    requests: sum(rows.map((row) => row.requests)),
    hits: sum(rows.map((row) => row.hits)),
    bytesOut: sum(rows.map((row) => row.bytesOut)),
  };
}

/** A quartile cannot be folded: that of whoever knows of most answers stands. */
function mergeSeen(rows: readonly OriginSeen[]): OriginSeen {
  const [most] = [...rows].sort((a, b) => b.timed - a.timed);
  return {
    asked: sum(rows.map((row) => row.asked)),
    failed: sum(rows.map((row) => row.failed)),
    timed: sum(rows.map((row) => row.timed)),
    quarterMs: most?.quarterMs ?? null,
    open: sum(rows.map((row) => row.open)),
    openMax: Math.max(...rows.map((row) => row.openMax)),
  };
}

function mergeRtt(rows: readonly ClientRtt[]): ClientRtt {
  const samples = sum(rows.map((row) => row.samples));
  const weighted = sum(rows.map((row) => row.rttMs * row.samples)) / Math.max(1, samples);
  const networks = Math.max(...rows.map((row) => row.networks));
  return { rttMs: Math.round(weighted * 10) / 10, samples, networks };
}

function mergeLogs(rows: readonly LogsTold[]): LogsTold {
  return {
    deliveredLines: sum(rows.map((row) => row.deliveredLines)),
    lostLines: sum(rows.map((row) => row.lostLines)),
    waitingBytes: sum(rows.map((row) => row.waitingBytes)),
    fault: rows.find((row) => row.fault !== null)?.fault ?? null,
  };
}

/** The machine is one: any of them knows it. What each takes of it is added up. */
function mergeFigures(rows: readonly NodeFigures[], edge: NodeStats["edge"]): NodeFigures {
  const served = addFields(Object.values(edge));
  const known = <K extends keyof NodeFigures>(name: K) =>
    rows.map((row) => row[name]).find((value) => value !== null);
  return {
    cpuBusy: known("cpuBusy") ?? null,
    cpus: Math.max(...rows.map((row) => row.cpus)),
    processCpus: sum(rows.map((row) => row.processCpus)),
    memoryTotalBytes: known("memoryTotalBytes") ?? null,
    memoryAvailableBytes: known("memoryAvailableBytes") ?? null,
    rssBytes: sum(rows.map((row) => row.rssBytes)),
    connections: known("connections") ?? null,
    bytesPerSec: sum(rows.map((row) => row.bytesPerSec)),
    loopDelayMs: Math.max(...rows.map((row) => row.loopDelayMs)),
    hitRatio: served.requests === 0 ? null : served.hits / served.requests,
  };
}
