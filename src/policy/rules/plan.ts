import { hash32 } from "../../base/rng.ts";
import type { Rule } from "../../model/rules.ts";
import type { HeaderEdits } from "../../model/rules-headers.ts";
import { type CompiledRule, compileRule, type RuleRequest } from "./match.ts";

/** A setting, and the rule that it comes from. */
export interface Chosen<T> {
  readonly rule: string;
  readonly is: T;
}

type Setting<K extends keyof Rule> = Chosen<NonNullable<Rule[K]>> | null;

/** What the rules that match a request ask for, together. One object for all that match alike. */
export interface Plan {
  /** Which rules of which set: `planNamed()` of the same set finds the plan by it. */
  readonly name: string;
  /** The rules that match, in their order. */
  readonly names: readonly string[];
  /** Which of the rules that part objects match: in the key. Null where the site has no such rule. */
  readonly apart: string | null;
  /** True where any rule of the site takes signatures from a cookie: that one is not sent on. */
  readonly signsByCookie: boolean;
  /** True when any request for the same URL, by GET, has the same plan and is answered alike. */
  readonly byUrlAlone: boolean;
  readonly key: Setting<"key">;
  readonly ttl: Setting<"ttl">;
  readonly redirect: Setting<"redirect">;
  readonly https: Setting<"https">;
  readonly compress: Setting<"compress">;
  readonly signed: Setting<"signed">;
  readonly access: Setting<"access">;
  readonly rate: Setting<"rate">;
  readonly cors: Setting<"cors">;
  readonly errorPages: Setting<"errorPages">;
  /** Of all rules that match, in their order. */
  readonly request: readonly HeaderEdits[];
  readonly response: readonly HeaderEdits[];
}

/** Plans of one site that are remembered; beyond it they are made each time. */
const PLANS_MAX = 256;

/** The rules of one site, ready to be asked. */
export class SiteRules {
  readonly rules: readonly CompiledRule[];
  /** True where any rule asks for signatures: their parameter is then never part of a key. */
  readonly signs: boolean;
  /** The first of its rules that keeps clients out, by signature or address; null: none does. */
  readonly guard: string | null;
  readonly #plans = new Map<string, Plan>();
  readonly #list: readonly Rule[];
  #set: string | null = null;

  constructor(rules: readonly Rule[]) {
    this.rules = rules.map(compileRule);
    this.#list = rules;
    this.signs = rules.some((rule) => rule.signed !== undefined && rule.signed !== false);
    const guard = rules.find((rule) => rule.signed || rule.access !== undefined);
    this.guard = guard?.name ?? null;
  }

  /** What the rules ask for; the same object for all requests that the same rules match. */
  planFor(request: RuleRequest): Plan {
    let which = "";
    for (let i = 0; i < this.rules.length; i++) {
      if (this.rules[i]!.matches(request)) which += `${i}.`;
    }
    return this.#plan(which);
  }

  /**
   * The rule that would keep clients out if the path were one of these, by other signatures or addresses
   * than the plan asks for; null: none.
   */
  guardOf(
    request: RuleRequest,
    of: { readonly plan: Plan; readonly plainPaths: readonly string[] },
  ): string | null {
    for (const path of of.plainPaths) {
      const { signed, access } = this.planFor({ ...request, path });
      if (signed !== null && signed.is !== false && signed.is !== of.plan.signed?.is) {
        return signed.rule;
      }
      if (access !== null && access.is !== of.plan.access?.is) return access.rule;
    }
    return null;
  }

  /** The plan of that name; null: it is of another set of rules. */
  planNamed(name: string): Plan | null {
    const [which, set] = name.split("@");
    if (set !== this.#setName() || !/^(\d{1,4}\.)*$/.test(which!)) return null;
    const numbers = which!.split(".").slice(0, -1).map(Number);
    return numbers.every((i) => i < this.rules.length) ? this.#plan(which!) : null;
  }

  #setName(): string {
    this.#set ??= hash32(JSON.stringify(this.#list)).toString(36);
    return this.#set;
  }

  #plan(which: string): Plan {
    const known = this.#plans.get(which);
    if (known !== undefined) return known;
    const numbers = which.split(".").slice(0, -1).map(Number);
    const plan = makePlan(
      numbers.map((i) => this.rules[i]!),
      { name: `${which}@${this.#setName()}`, all: this.rules },
    );
    if (this.#plans.size < PLANS_MAX) this.#plans.set(which, plan);
    return plan;
  }

  /** What rules may say of the key's query for a path, whatever else they look at: for purges. */
  queryPolicies(path: string): NonNullable<Rule["key"]>["query"][] {
    const policies: NonNullable<Rule["key"]>["query"][] = [undefined];
    for (const { rule } of this.rules) {
      if (rule.key?.query === undefined) continue;
      const onPath = compileRule({ ...rule, match: pathOnly(rule.match) });
      const asked = { method: "GET", form: "first" as const, path, query: "", has: () => false };
      if (onPath.matches(asked)) policies.push(rule.key.query);
    }
    return policies;
  }
}

function pathOnly({ path, ignoreCase }: Rule["match"]): Rule["match"] {
  return {
    ...(path === undefined ? {} : { path }),
    ...(ignoreCase === undefined ? {} : { ignoreCase }),
  };
}

function makePlan(
  matched: readonly CompiledRule[],
  { name, all }: { readonly name: string; readonly all: readonly CompiledRule[] },
): Plan {
  const first = <K extends keyof Rule>(kind: K): Setting<K> => {
    for (const { rule } of matched) {
      const is = rule[kind];
      if (is !== undefined) return { rule: rule.name, is: is as NonNullable<Rule[K]> };
    }
    return null;
  };
  const plan = {
    name,
    names: names(matched),
    apart: all.some((one) => one.parts)
      ? names(matched.filter((one) => one.parts)).join(" ")
      : null,
    signsByCookie: all.some(({ rule: { signed } }) => signed !== false && signed?.cookie === true),
    key: first("key"),
    ttl: first("ttl"),
    redirect: first("redirect"),
    https: first("https"),
    compress: first("compress"),
    signed: first("signed"),
    access: first("access"),
    rate: first("rate"),
    cors: first("cors"),
    errorPages: first("errorPages"),
    request: matched.flatMap(({ rule }) => rule.request ?? []),
    response: matched.flatMap(({ rule }) => rule.response ?? []),
  };
  return { ...plan, byUrlAlone: byUrlAlone(plan, all) };
}

function names(rules: readonly CompiledRule[]): string[] {
  return rules.map(({ rule }) => rule.name);
}

function byUrlAlone(
  plan: Pick<Plan, "key" | "signed" | "access" | "rate" | "cors">,
  all: readonly CompiledRule[],
): boolean {
  if (all.some((one) => one.beyondUrl)) return false;
  const guarded = [plan.signed, plan.rate].some((one) => one !== null && one.is !== false);
  if (guarded || plan.access !== null || plan.cors !== null) return false;
  const { headers, cookies, device, country } = plan.key?.is ?? {};
  return headers === undefined && cookies === undefined && device !== true && country !== true;
}
