import type { ClientGroup, Network } from "../../model/network.ts";
import type { Site } from "../../model/site.ts";
import type { OriginIndex, SnapshotRule, SnapshotStep } from "../../model/snapshot.ts";
import type { ClientRule } from "../../model/steering.ts";
import { parsePrefix, prefixContains } from "../../wire/ip/mod.ts";

/** A chain with names turned into indexes. The network has been validated. */
export function compileChain(
  network: Network,
  site: Site,
  first: OriginIndex,
): readonly SnapshotStep[] | undefined {
  const indexOf = (name: string) => first + site.origins.findIndex((o) => o.name === name);
  const rulesOf = (rules: readonly ClientRule[]): SnapshotRule[] =>
    rules.map((rule) => ({
      groups: groupsOf(network, rule),
      origins: rule.to.map(indexOf),
    }));
  return site.steering.chain?.map((step): SnapshotStep => {
    switch (step.filter) {
      case "allowed":
        return { filter: "allowed", rules: rulesOf(step.rules) };
      case "map":
        return { filter: "map", rules: rulesOf(step.rules), strict: step.strict };
      case "failover":
        return { filter: "failover", order: step.order.map(indexOf) };
      case "geographic": {
        const bias = Object.entries(step.bias).map(([name, percent]) => {
          return [indexOf(name), percent] as const;
        });
        return { filter: "geographic", bias };
      }
      default:
        return step;
    }
  });
}

/** Indexes of the client groups of a rule; group 0 is `default`. */
function groupsOf(network: Network, rule: ClientRule): number[] {
  const named = new Set(rule.groups);
  const tagged = new Set(rule.tags);
  const systems = new Set(rule.as);
  const found = named.has("default") ? [0] : [];
  for (const [i, group] of network.clientGroups.entries()) {
    const is =
      named.has(group.name) ||
      group.tags?.some((tag) => tagged.has(tag)) === true ||
      (group.as !== undefined && systems.has(group.as)) ||
      liesWithin(group, rule.prefixes);
    if (is) found.push(i + 1);
  }
  return found;
}

function liesWithin(group: ClientGroup, prefixes: readonly string[]): boolean {
  if (prefixes.length === 0) return false;
  const outer = prefixes.map(parsePrefix).filter((p) => p !== null);
  return group.prefixes.every((text) => {
    const inner = parsePrefix(text);
    if (inner === null) return false;
    return outer.some((p) => p.bits <= inner.bits && prefixContains(p, inner.address));
  });
}

/** What a chain names that is not there; each problem with its path in the network file. */
export function checkChain(
  network: Network,
  site: Site,
  at: { readonly path: string; readonly add: (path: string, message: string, got: string) => void },
): void {
  if (site.steering.chain === undefined) return;
  const origins = new Set(site.origins.map((o) => o.name));
  const groups = new Set(["default", ...network.clientGroups.map((g) => g.name)]);
  const tags = new Set(network.clientGroups.flatMap((g) => g.tags ?? []));
  const add = (path: string, message: string, got: string) => {
    at.add(`${at.path}.${path}`, message, got);
  };
  const known = (names: readonly string[], path: string) => {
    for (const [i, name] of names.entries()) {
      if (!origins.has(name)) add(`${path}.${i}`, "expected an origin of this site", name);
    }
  };
  for (const [s, step] of site.steering.chain.entries()) {
    if (step.filter === "failover") known(step.order, `${s}.order`);
    if (step.filter === "geographic") {
      for (const name of Object.keys(step.bias)) {
        if (!origins.has(name)) add(`${s}.bias.${name}`, "expected an origin of this site", name);
      }
    }
    if (step.filter === "shed" && step.limit <= step.target) {
      add(`${s}.limit`, "expected a limit above the target", `${step.limit} at ${step.target}`);
    }
    if (step.filter !== "allowed" && step.filter !== "map") continue;
    for (const [r, rule] of step.rules.entries()) {
      const path = `${s}.rules.${r}`;
      known(rule.to, `${path}.to`);
      for (const [i, name] of rule.groups.entries()) {
        if (!groups.has(name)) add(`${path}.groups.${i}`, "expected a client group's name", name);
      }
      for (const [i, tag] of rule.tags.entries()) {
        if (!tags.has(tag)) add(`${path}.tags.${i}`, "expected a client group's tag", tag);
      }
      for (const [i, as] of (rule.as ?? []).entries()) {
        if (network.clientGroups.some((group) => group.as === as)) continue;
        add(`${path}.as.${i}`, "expected an autonomous system of a client group", `${as}`);
      }
      for (const [i, prefix] of rule.prefixes.entries()) {
        if (network.clientGroups.some((group) => liesWithin(group, [prefix]))) continue;
        const message = "expected a prefix that holds a whole client group: add one for it";
        add(`${path}.prefixes.${i}`, message, prefix);
      }
      const named = [rule.groups, rule.tags, rule.prefixes, rule.as ?? []];
      if (named.every((list) => list.length === 0)) {
        add(path, "expected groups, tags, as or prefixes", "none");
      }
    }
  }
}
