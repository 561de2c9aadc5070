import type { Rule } from "../../../model/rules.ts";

type Rules = readonly Rule[];

/** What somebody makes of a site's rules. */
export type RuleEdit =
  /** One as it was seen, or null for one more at the end, becomes this; what is wrong with it the API says. */
  | { readonly kind: "put"; readonly was: Rule | null; readonly is: unknown }
  | { readonly kind: "remove"; readonly was: Rule }
  | { readonly kind: "move"; readonly was: Rule; readonly by: -1 | 1 }
  /** All of them, in their order. */
  | { readonly kind: "all"; readonly is: readonly unknown[] };

/** The rules with the edit made; rules are known by their names. */
export function withEdit(rules: Rules, edit: RuleEdit): readonly unknown[] {
  if (edit.kind === "all") return edit.is;
  const { was } = edit;
  const at = was === null ? -1 : rules.findIndex((rule) => rule.name === was.name);
  if (edit.kind === "put") return at < 0 ? [...rules, edit.is] : rules.with(at, edit.is as Rule);
  if (edit.kind === "remove") return rules.filter((_, i) => i !== at);
  const rule = rules[at];
  return rule === undefined ? rules : rules.toSpliced(at, 1).toSpliced(at + edit.by, 0, rule);
}

/** Whether what others made of the rules meanwhile leaves alone all that the edit is about. */
export function isApartFrom(edit: RuleEdit, was: Rules, is: Rules): boolean {
  if (edit.kind === "all") return isSame(was, is);
  if (edit.kind === "move") return isSame(was.map(nameOf), is.map(nameOf));
  if (edit.kind === "put" && edit.was === null) return !is.map(nameOf).includes(nameOf(edit.is));
  return edit.was !== null && isSame(edit.was, theirs(edit.was, is));
}

/** What a rule is by now; null: it is gone. */
export function theirs(rule: Rule, is: Rules): Rule | null {
  return is.find(({ name }) => name === rule.name) ?? null;
}

/** Of what was typed nobody has said yet that it is a rule. */
function nameOf(rule: unknown): unknown {
  return (rule as { readonly name?: unknown } | null)?.name;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
