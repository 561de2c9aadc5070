import type { RuleRedirect } from "../../model/rules.ts";

/**
 * Where a redirect leads: the target, with the path and the query that were asked for where the rule
 * keeps them. The host is always the rule's own or, for a path alone, the one asked: whatever the
 * path is, it never begins a host of its own, and every character is one that a field can have.
 *
 * @param of path and query as asked, and what stands before a path: at `c.<zone>`, `/<hostname>`
 */
export function redirectTarget(
  rule: Pick<RuleRedirect, "to" | "keepPath" | "keepQuery">,
  of: { readonly path: string; readonly prefix: string },
): string {
  const at = of.path.indexOf("?");
  const path = at < 0 ? of.path : of.path.slice(0, at);
  const query = at < 0 ? "" : of.path.slice(at + 1);
  const [target, fragment] = cut(rule.to, "#");
  const [base, ownQuery] = cut(target, "?");
  const kept = `/${path.replace(/^[/\\]+/, "")}`;
  let to = rule.keepPath ? `${base.replace(/\/+$/, "")}${kept}` : base;
  if (to.startsWith("/")) to = of.prefix + to.replace(/^[/\\]+/, "/");
  const queries = [ownQuery, rule.keepQuery ? query : ""].filter((one) => one !== "");
  const asked = queries.length === 0 ? to : `${to}?${queries.join("&")}`;
  return plain(fragment === "" ? asked : `${asked}#${fragment}`);
}

/** What stands before the first of these, and what behind it. */
function cut(text: string, at: "#" | "?"): readonly [before: string, behind: string] {
  const found = text.indexOf(at);
  return found < 0 ? [text, ""] : [text.slice(0, found), text.slice(found + 1)];
}

/** What a field cannot hold as it is, and what a browser would read as a slash, is escaped. */
function plain(text: string): string {
  // One half of a surrogate pair has no escape.
  const whole = text.replace(/\p{Surrogate}/gu, "");
  return whole.replace(/[^\x21-\x7e]|[\\<>"^`{|}]/gu, (one) => encodeURIComponent(one));
}
