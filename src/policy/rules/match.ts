import type { Rule } from "../../model/rules.ts";
import { compileGlob, type Matcher } from "./glob.ts";
import { ruleQuery, unescaped } from "./path.ts";

/** How the request named the site: see edge/hot/table. */
export type AddressForm = "first" | "host" | "alias" | "path";

/** What rules look at. */
export interface RuleRequest {
  readonly method: string;
  readonly form: AddressForm;
  /** As `rulePath` gives it. */
  readonly path: string;
  /** As `ruleQuery` gives it; "" where there is none. */
  readonly query: string;
  has(field: string): boolean;
}

/** A rule ready to be asked. */
export interface CompiledRule {
  readonly rule: Rule;
  matches(request: RuleRequest): boolean;
  /**
   * True when more than the path decides and what an origin is asked, or how long its answer is kept,
   * hangs on it: objects of requests that differ in it are kept apart.
   */
  readonly parts: boolean;
  /** True when something decides that a URL does not tell. */
  readonly beyondUrl: boolean;
}

export function compileRule(rule: Rule): CompiledRule {
  const { path, ignoreCase, methods, forms, query, headers } = rule.match;
  const onPath = path === undefined ? null : anyOf(path, ignoreCase === true);
  const parameters = query?.map(ruleQuery);
  return {
    rule,
    parts:
      [methods, forms, query, headers].some((one) => one !== undefined) &&
      [rule.key, rule.ttl, rule.request, rule.compress, rule.cors].some((one) => one !== undefined),
    beyondUrl: methods !== undefined || headers !== undefined,
    matches: (request) =>
      (methods === undefined || methods.some((one) => one === request.method)) &&
      (forms === undefined || forms.includes(request.form)) &&
      (onPath === null || onPath(request.path)) &&
      (parameters === undefined || parameters.every((name) => hasParameter(request.query, name))) &&
      (headers === undefined || headers.every((name) => request.has(name))),
  };
}

function anyOf(patterns: readonly string[], ignoreCase: boolean): Matcher {
  const matchers = patterns.map((one) => {
    // A star that is escaped is none, so pieces are decoded one by one, as paths are.
    const pieces = one.split("*").map((piece) => unescaped(piece).replaceAll("\\", "/"));
    return compileGlob(ignoreCase ? pieces.map((piece) => piece.toLowerCase()) : pieces);
  });
  return (path) => {
    const text = ignoreCase ? path.toLowerCase() : path;
    return matchers.some((matches) => matches(text));
  };
}

/** Is there a parameter of that name, with or without a value? */
export function hasParameter(query: string, name: string): boolean {
  for (let at = query.indexOf(name); at >= 0; at = query.indexOf(name, at + 1)) {
    const before = at === 0 ? "&" : query[at - 1];
    const after = query[at + name.length] ?? "&";
    if (before === "&" && (after === "&" || after === "=")) return true;
  }
  return false;
}
