import { parseStrings } from "../../wire/http/mod.ts";

/** What a purge says of objects stored before it, without naming each. */
export interface Ban {
  /** The purge's number. */
  readonly number: number;
  readonly scope: "url" | "prefix" | "tag" | "group" | "site";
  /** A path, what paths begin with, a tag, a cache group to the letter, or anything for `site`. */
  readonly of: string;
  readonly soft: boolean;
}

export interface Banned {
  /** Path and query at the origin. */
  readonly path: string;
  readonly fields: readonly (readonly [string, string])[];
  /** The last purge that was applied when it was fetched or last validated; absent: none. */
  readonly purge?: number;
}

/** Fields that tags are in, and what stands between them; blanks beside it say nothing. */
const TAG_FIELDS: ReadonlyMap<string, RegExp | string> = new Map<string, RegExp | string>([
  ["surrogate-key", /\s+/],
  ["xkey", /\s+/],
  ["cache-tag", ","],
  ["edge-cache-tag", ","],
]);

/** A tag as it is compared: whatever its case, without quotes. */
export function tagKey(tag: string): string {
  return tag
    .trim()
    .replace(/^"(.*?)"(\s*;.*)?$/, "$1")
    .toLowerCase();
}

/** The cache groups of a response (RFC 9875 2); of several lines, those that are lists of strings. */
export function groupsOf(fields: Banned["fields"]): ReadonlySet<string> {
  const lines = fields.filter(([name]) => name === "cache-groups");
  return new Set(lines.flatMap(([, value]) => parseStrings(value) ?? []));
}

/**
 * The tags of a response.
 *
 * @example [...tagsOf([["surrogate-key", "a b"], ["cache-groups", '"c"']])] // ["a", "b", "c"]
 */
export function tagsOf(fields: Banned["fields"]): ReadonlySet<string> {
  const tags = new Set<string>();
  for (const [name, value] of fields) {
    const between = TAG_FIELDS.get(name);
    if (between === undefined) continue;
    for (const tag of value.trim().split(between)) if (tag.trim() !== "") tags.add(tagKey(tag));
  }
  for (const group of groupsOf(fields)) tags.add(tagKey(group));
  return tags;
}

/**
 * What bans say of a stored object: `hard`, it must not be served; `soft`, not before it is
 * validated; null, nothing.
 *
 * @param bans in the order of their numbers
 */
export function banned(bans: readonly Ban[], object: Banned): "hard" | "soft" | null {
  let tags: ReadonlySet<string> | null = null;
  let groups: ReadonlySet<string> | null = null;
  let soft = false;
  for (let i = bans.length - 1; i >= 0; i--) {
    const ban = bans[i]!;
    if (ban.number <= (object.purge ?? 0)) break;
    if (ban.soft && soft) continue;
    if (ban.scope === "tag") tags ??= tagsOf(object.fields);
    if (ban.scope === "group") groups ??= groupsOf(object.fields);
    const meant =
      ban.scope === "site" ||
      (ban.scope === "url" && object.path === ban.of) ||
      (ban.scope === "prefix" && object.path.startsWith(ban.of)) ||
      (ban.scope === "tag" && tags!.has(tagKey(ban.of))) ||
      (ban.scope === "group" && groups!.has(ban.of));
    if (!meant) continue;
    if (!ban.soft) return "hard";
    soft = true;
  }
  return soft ? "soft" : null;
}

/**
 * The same bans in fewer words when there are more than `countMax`: all older ones become one of the
 * whole site, which purges more than was asked for and never less.
 */
export function foldBans(bans: readonly Ban[], countMax: number): readonly Ban[] {
  const whole = bans.findLastIndex((ban) => ban.scope === "site" && !ban.soft);
  const rest = whole < 0 ? bans : bans.slice(whole);
  if (rest.length <= countMax) return rest;
  const last = rest.at(-1)!;
  return [{ number: last.number, scope: "site", of: "/", soft: rest.every((ban) => ban.soft) }];
}
