import type { Problem } from "../../base/result.ts";
import { NO_ASSIGNMENT, NO_DEMAND } from "../../model/assignment.ts";
import type { Choice } from "../../model/decision.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../../model/health.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { PolicyTest } from "../../model/steering.ts";
import { compilePrefixes, familyOf, type PrefixTable, parseAddress } from "../../wire/ip/mod.ts";
import {
  assign,
  clientSeed,
  edgesAsk,
  pick,
  type SteerAsk,
  steer,
  type View,
} from "../steering/mod.ts";
import { groupEntries } from "./groups.ts";
import { askOfSteered, compileNames, type NameTable } from "./names.ts";

interface Tables {
  readonly snapshot: Snapshot;
  readonly names: NameTable;
  readonly prefixes: PrefixTable;
}

/**
 * Tries what a network file says must hold, by the functions that answer. For each test null if it
 * holds, or a problem with its path: `tests.2.expect`.
 */
export function runPolicyTests(
  snapshot: Snapshot,
  tests: readonly PolicyTest[],
): (Problem | null)[] {
  if (tests.length === 0) return [];
  const entries = groupEntries(snapshot).map(({ prefix, group }) => ({ prefix, value: group }));
  const prefixes = compilePrefixes(entries);
  const tables = { snapshot, names: compileNames(snapshot), prefixes };
  return tests.map((test, i) => {
    const failed = tryOne(tables, test);
    return failed === null ? null : { ...failed, path: `tests.${i}.${failed.path}` };
  });
}

function tryOne(tables: Tables, test: PolicyTest): Problem | null {
  const { snapshot } = tables;
  const ask = askOf(tables, test);
  if (ask === null) {
    const message = "expected a name that this network steers";
    return { path: "name", message, received: test.name };
  }
  const ids = idsOf(snapshot, ask, test.name);
  const targets: Record<string, TargetHealth> = {};
  for (const { id } of [...snapshot.origins, ...snapshot.nodes]) targets[id] = targetAt(id, {});
  for (const [name, given] of Object.entries(test.given)) {
    const id = ids.get(name);
    if (id === undefined) {
      const message = "expected an origin of the site or a node, by name";
      return { path: `given.${name}`, message, received: name };
    }
    targets[id] = targetAt(id, typeof given === "string" ? { state: given } : given);
  }
  const wanted = typeof test.expect === "string" ? [test.expect] : test.expect;
  const unknown = wanted.find((name) => !ids.has(name));
  if (unknown !== undefined) {
    const message = "expected an origin of the site or a node, by name";
    return { path: "expect", message, received: unknown };
  }
  const health: Health = { ...NO_HEALTH, number: 1, targets };
  const rest = { demand: NO_DEMAND, previous: NO_ASSIGNMENT, atMs: 0 };
  const assignment = assign({ snapshot, health, ...rest });
  const got = outcome({ snapshot, health, assignment }, ask, clientOf(tables, test.client));
  const names = new Map([...ids].map(([name, id]) => [id, name]));
  const received = got.map(({ id }) => names.get(id) ?? id);
  const right = wanted.length === 0 ? got.length === 0 : got.length > 0;
  if (right && received.every((name) => wanted.includes(name))) return null;
  const message =
    wanted.length === 0
      ? `expected no server for ${test.client} at ${test.name}`
      : `expected ${wanted.join(" or ")} for ${test.client} at ${test.name}`;
  return { path: "expect", message, received: received.join(", ") || "no server" };
}

function askOf({ snapshot, names }: Tables, test: PolicyTest): SteerAsk | null {
  const name = test.name.replace(/\.$/, "");
  const entry = names.names.get(name);
  const site =
    entry?.steered?.site ??
    snapshot.sites.find((s) => s.hostname === name || s.aliases.includes(name))?.index;
  if (test.use === "miss") {
    return site === undefined ? null : { for: "origins", site, use: "miss" };
  }
  if (entry !== undefined) {
    const { steered } = entry;
    if (steered === null) return null;
    return askOfSteered(steered);
  }
  if (site === undefined) return null;
  const { front, hostname } = snapshot.sites[site]!;
  // The customer's own name leads here by a CNAME that we never see.
  if (front === "caches" || hostname !== name) return edgesAsk(snapshot, hostname);
  return { for: "origins", site };
}

/** Names that a test may use -> target ids: the site's origins, and nodes. */
function idsOf(snapshot: Snapshot, ask: SteerAsk, name: string): Map<string, string> {
  const ids = new Map(snapshot.nodes.map((node) => [node.name, node.id]));
  const site =
    ask.for === "origins"
      ? snapshot.sites[ask.site]
      : snapshot.sites.find((s) => name === `${s.hostname}.${snapshot.zone}`);
  for (const index of site?.origins ?? []) {
    const origin = snapshot.origins[index];
    if (origin !== undefined) ids.set(origin.name, origin.id);
  }
  return ids;
}

function clientOf({ prefixes }: Tables, client: string) {
  const address = parseAddress(client) ?? new Uint8Array(4);
  const family = familyOf(address);
  const { value: group } = prefixes.find(address, family);
  return { group, seed: clientSeed(address, 0, { family, bits: address.length * 8 }) };
}

/** Everybody whom an answer may name: the one choice, or all that a draw can fall on. */
function outcome(
  view: View,
  ask: SteerAsk,
  client: { readonly group: number; readonly seed: number },
): readonly Choice[] {
  const { choices, allDown } = steer(view, ask, { group: client.group });
  const drawn = pick(choices, client.seed);
  if (drawn === null) return [];
  if (drawn.stick !== undefined) return [drawn];
  const possible = choices.filter((choice) => choice.weight > 0);
  return allDown ? choices : possible;
}

function targetAt(
  id: string,
  o: { readonly state?: TargetHealth["state"]; readonly load?: number },
): TargetHealth {
  const { state = "up", load = 0 } = o;
  const up = state !== "down";
  const rest = { sinceMs: 0, young: false, v4Up: up, v6Up: up, sources: [], views: [] };
  return { id, state, load, loadKnown: true, loadFrom: "cpu", ...rest };
}
