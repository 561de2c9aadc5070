import type { Network } from "../../model/network.ts";
import type { Site } from "../../model/site.ts";

/** One difference between two intents. Paths name things by their names: `customers.shop.sites...`. */
export interface Change {
  readonly action: "add" | "change" | "remove";
  readonly path: string;
  readonly from?: string;
  readonly to?: string;
}

/** Fields that are never shown. */
const SECRET = new Set(["password"]);

/** What differs between two intents, in the order of the file; an added or removed thing is one line. */
export function diffIntent(before: Network | null, after: Network): Change[] {
  const changes: Change[] = [];
  walk(before ?? {}, after, { path: "", changes });
  return changes;
}

/** What differs between two states of one site: paths begin within it, such as `steering.margin`. */
export function diffSite(before: Site, after: Site): Change[] {
  const changes: Change[] = [];
  walk(before, after, { path: "", changes });
  return changes;
}

interface Walk {
  readonly path: string;
  readonly changes: Change[];
}

function walk(before: unknown, after: unknown, at: Walk): void {
  // What an edit left alone is often the same object: large networks are compared in no time then.
  if (before === after) return;
  if (isRecords(before) && isRecords(after)) {
    walkRecords(before, after, at);
    return;
  }
  if (isRules(before) && isRules(after)) {
    walkRules(before, after, at);
    return;
  }
  const left = named(before);
  const right = named(after);
  if (left === null || right === null) {
    if (JSON.stringify(before) !== JSON.stringify(after)) {
      at.changes.push({ action: "change", path: at.path, from: words(before), to: words(after) });
    }
    return;
  }
  for (const key of new Set([...right.keys(), ...left.keys()])) {
    const path = at.path === "" ? key : `${at.path}.${key}`;
    const [from, to] = [left.get(key), right.get(key)];
    if (SECRET.has(key)) {
      if (to !== undefined && from !== to)
        at.changes.push({ action: "change", path, to: "(hidden)" });
    } else if (from === undefined && isThing(to)) at.changes.push({ action: "add", path });
    else if (to === undefined && isThing(from)) at.changes.push({ action: "remove", path });
    else if (from === undefined && isList(to)) walk([], to, { ...at, path });
    else if (to === undefined && (isRecords(from) || isRules(from))) {
      walk(from, [], { ...at, path });
    } else if (from === undefined) at.changes.push({ action: "add", path, to: words(to) });
    else if (to === undefined) at.changes.push({ action: "remove", path, from: words(from) });
    else walk(from, to, { ...at, path });
  }
}

/** Records of a zone: each that came or went is one line. */
function walkRecords(before: readonly unknown[], after: readonly unknown[], at: Walk): void {
  const left = new Set(before.map(recordWords));
  const right = new Set(after.map(recordWords));
  for (const to of right) {
    if (!left.has(to)) at.changes.push({ action: "add", path: at.path, to: words(to) });
  }
  for (const from of left) {
    if (!right.has(from)) at.changes.push({ action: "remove", path: at.path, from: words(from) });
  }
}

function recordWords(item: unknown): string {
  const { name, ttlSec, type, value } = item as Record<string, unknown>;
  return `${name} ${ttlSec} ${type} ${value}`;
}

function isRecords(value: unknown): value is readonly unknown[] {
  const one = (item: unknown) =>
    item !== null && typeof item === "object" && "type" in item && "value" in item;
  return Array.isArray(value) && value.every(one);
}

type NamedRule = Readonly<Record<string, unknown>> & { readonly name: string };

/** Rules by their names, and their order, which counts, as one more thing that may differ. */
function walkRules(before: readonly NamedRule[], after: readonly NamedRule[], at: Walk): void {
  const left = new Map(before.map((rule) => [rule.name, rule]));
  const right = new Map(after.map((rule) => [rule.name, rule]));
  for (const [name, to] of right) {
    const path = `${at.path}.${name}`;
    const from = left.get(name);
    if (from === undefined) at.changes.push({ action: "add", path, to: words(to) });
    else walk(from, to, { ...at, path });
  }
  for (const [name, from] of left) {
    if (right.has(name)) continue;
    at.changes.push({ action: "remove", path: `${at.path}.${name}`, from: words(from) });
  }
  const from = [...left.keys()].filter((name) => right.has(name)).join(", ");
  const to = [...right.keys()].filter((name) => left.has(name)).join(", ");
  if (from !== to) at.changes.push({ action: "change", path: `${at.path} in order`, from, to });
}

/** Of two of one name nobody could say which is which: such a list is compared as a whole. */
function isRules(value: unknown): value is readonly NamedRule[] {
  if (!Array.isArray(value)) return false;
  const names = value.map((one) => {
    return isThing(one) && "match" in one && typeof one.name === "string" ? one.name : null;
  });
  return !names.includes(null) && new Set(names).size === names.length;
}

/** Objects by key; lists of named things by name, hostname or e-mail; null for anything else. */
function named(value: unknown): Map<string, unknown> | null {
  if (Array.isArray(value)) {
    if (value.some((item) => keyOf(item) === null)) return null;
    return new Map(value.map((item) => [keyOf(item) ?? "", item]));
  }
  if (value === null || typeof value !== "object") return null;
  return new Map(Object.entries(value).filter(([, v]) => v !== undefined));
}

function keyOf(item: unknown): string | null {
  if (item === null || typeof item !== "object") return null;
  const thing = item as Record<string, unknown>;
  if ("type" in thing && "value" in thing) return null;
  // Tests share the names they ask for.
  if ("expect" in thing) return null;
  // The order of rules counts.
  if ("match" in thing) return null;
  const key = thing.hostname ?? thing.name ?? thing.email;
  return typeof key === "string" ? key : null;
}

function isThing(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    (named(value) !== null || isRecords(value) || isRules(value))
  );
}

function words(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
