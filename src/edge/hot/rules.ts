/**
 * The rules of a site, before the lookup, one function per step, in this order:
 *
 *   plan       which rules match
 *   access     the client's prefix and country                       403
 *   readings   a path that a server may take for one that is kept     403
 *   rate       the bucket of its prefix                              429
 *   https      plain HTTP where the rule wants HTTPS                  301 308
 *   redirect                                                         301 302 303 307 308
 *   preflight  of CORS                                               204
 *   signed     query or cookie                                       403
 *   key        path, query and fields as they are keyed and sent on
 *
 * Each answer of its own names the rule in Cache-Status and is never stored.
 */
import type { Clock } from "../../base/clock.ts";
import type { RuleCors } from "../../model/rules.ts";
import { cacheKey } from "../../policy/caching/mod.ts";
import {
  Buckets,
  bucketName,
  type Chosen,
  checkToken,
  clientAddress,
  cookieValues,
  corsFields,
  type Hmac,
  keyedPath,
  keyParts,
  type Plan,
  preflightFields,
  type RuleRequest,
  redirectTarget,
  rulePath,
  rulePaths,
  ruleQuery,
  type SignReason,
  TOKEN_NAME,
  takeToken,
} from "../../policy/rules/mod.ts";
import { canonicalHost, writeCacheStatus } from "../../wire/http/mod.ts";
import { type Ask, fieldsSeen } from "./ask.ts";
import type { Words } from "./crew.ts";
import { count, countBytes } from "./deliver.ts";
import { RATE_BUCKETS_MAX, TOKENS_TRIED_MAX } from "./limits.ts";
import { type Refusal, refuse } from "./refuse.ts";
import { holdBack } from "./rules-page.ts";
import type { Encode, EntryRules, Ruled } from "./rules-table.ts";
import type { EdgeTable } from "./table.ts";

/** The secrets by which addresses are signed, and how. */
export interface Signatures {
  readonly hmac: Hmac;
  /** Null: this customer has no such key. */
  secret(customer: string, key: string): Uint8Array | null;
}

/** What is known of a request while its rules are carried out. */
interface Asked {
  readonly ask: Ask;
  readonly table: EdgeTable;
  readonly rules: EntryRules;
  readonly plan: Plan;
  /** What servers may take the path for; none: too much to weigh. The usual one where no rule guards. */
  readonly plainPaths: readonly string[];
  readonly client: Uint8Array | null;
  readonly country: string | null;
}

export interface RuleNeeds {
  readonly node: string;
  readonly signatures: Signatures;
  readonly encode: Encode;
  readonly clock: Clock;
  /** The buckets of all processes of the node; those of this one where it is left out. */
  readonly words?: Pick<Words, "takeRate">;
}

export class RuleSteps {
  readonly #o: RuleNeeds;
  readonly #buckets = new Buckets(RATE_BUCKETS_MAX);

  constructor(o: RuleNeeds) {
    this.#o = o;
  }

  /**
   * The request as all later steps see it, and the answer where a rule has given it.
   *
   * @param how `dry`: only to say what would come of it, no bucket is taken from; `relayed`: a worker
   *   has taken from it, and sees to error pages
   */
  run(
    asked: Ask,
    table: EdgeTable,
    how: "serve" | "dry" | "relayed" = "serve",
  ): { readonly ask: Ask; readonly answer: Response | null } {
    const { rules } = asked.entry;
    if (rules === null) return { ask: asked, answer: null };
    const { path } = asked;
    const { token, rest } = rules.site.signs ? takeToken(path) : { token: null, rest: path };
    const seen = seenByRules(asked, rest);
    const plan = rules.site.planFor(seen);
    const client = clientAddress(asked.client);
    const country = table.countryOf(client);
    const paged = plan.errorPages !== null && how !== "relayed";
    const held = paged ? holdBack(asked.entry) : null;
    const ask = { ...asked, path: rest, entry: held?.entry ?? asked.entry };
    const plainPaths = rules.site.guard === null ? [seen.path] : rulePaths(rest);
    const all = { ask, table, rules, plan, client, country, plainPaths: plainPaths ?? [] };
    const answer =
      this.#access(all) ??
      this.#readings(all, seen) ??
      (how === "serve" ? this.#rate(all) : null) ??
      this.#https(all) ??
      this.#redirect(all) ??
      this.#preflight(all);
    const signed = answer ?? this.#signed(all, token);
    const refused = signed instanceof Response;
    const ruled = {
      ...{ plan, country, signedBy: refused ? null : signed },
      ...{ settle: held?.settle ?? null, encode: this.#o.encode },
    };
    return { ask: keyed(ask, ruled), answer: refused ? signed : null };
  }

  #access({ rules, plan, client, country, ask }: Asked): Response | null {
    if (plan.access === null) return null;
    const verdict = rules.access.get(plan.access.is)?.(client, country) ?? "not-allowed";
    return verdict === "allowed" ? null : this.#refuse(ask, plan.access, forbidden(verdict));
  }

  /** Whom a rule would keep out if a server took the path for another one, it keeps out. */
  #readings({ rules, plan, ask, plainPaths }: Asked, seen: RuleRequest): Response | null {
    const { site } = rules;
    if (plainPaths.length === 1 || site.guard === null) return null;
    const rule = plainPaths.length === 0 ? site.guard : site.guardOf(seen, { plan, plainPaths });
    if (rule === null) return null;
    return this.#refuse(ask, { rule, is: null }, forbidden("ambiguous-path"));
  }

  #rate({ plan, client, ask }: Asked): Response | null {
    if (plan.rate === null || plan.rate.is === false) return null;
    const { rule, is: rate } = plan.rate;
    const name = `${ask.entry.hostname} ${rule} ${bucketName(client, rate)}`;
    const { words, clock } = this.#o;
    const limit = { perSec: rate.perSec, burst: rate.burst, owner: ask.entry.customer };
    const waitSec = words?.takeRate(name, limit) ?? this.#buckets.take(name, limit, clock.monoMs());
    if (waitSec === 0) return null;
    return this.#refuse(ask, plan.rate, {
      status: 429,
      words: "Too many requests from this network",
      fields: { "retry-after": String(waitSec) },
      error: "http_request_denied",
      details: "rate-limit",
    });
  }

  #https({ plan, ask, table }: Asked): Response | null {
    const { url, headers } = ask.request;
    if (plan.https?.is !== true || url.startsWith("https:")) return null;
    const { https } = table.snapshot.ports;
    const host = `${canonicalHost(headers.get("host"))}${https === 443 ? "" : `:${https}`}`;
    const path = url.slice(url.indexOf("/", url.indexOf("://") + 3));
    const status = ask.method === "GET" || ask.method === "HEAD" ? 301 : 308;
    return this.#bare(ask, plan.https, {
      status,
      fields: [["location", `https://${host}${path}`]],
    });
  }

  #redirect({ plan, ask }: Asked): Response | null {
    if (plan.redirect === null) return null;
    const { is } = plan.redirect;
    const prefix = ask.form === "path" ? `/${ask.entry.hostname}` : "";
    const location = redirectTarget(is, { path: ask.path, prefix });
    // All of a site sent to one page of it: that page is not sent to itself, in a circle.
    const bare = redirectTarget({ ...is, keepQuery: false }, { path: ask.path, prefix });
    const isThere = (address: string) =>
      address === withoutFragment(location) || (is.keepQuery && has(address, bare));
    if (isThere(prefix + ask.path) || isThere(ask.request.url)) return null;
    return this.#bare(ask, plan.redirect, { status: is.status, fields: [["location", location]] });
  }

  #preflight({ plan, ask }: Asked): Response | null {
    const { headers } = ask.request;
    if (plan.cors === null || ask.method !== "OPTIONS") return null;
    if (headers.get("access-control-request-method") === null) return null;
    const cors: RuleCors = plan.cors.is;
    const fields = [...corsFields(cors, headers.get("origin")), ...preflightFields(cors)];
    return this.#bare(ask, plan.cors, { status: 204, fields });
  }

  #signed(asked: Asked, token: string | null): Response | "query" | "cookie" | null {
    const { plan, ask } = asked;
    if (plan.signed === null || plan.signed.is === false) return null;
    const { is: signed } = plan.signed;
    // A cookie of a name that customers share would be anybody's (threats H25).
    const own = ask.form === "first" || ask.form === "alias";
    const field = signed.cookie && own ? ask.request.headers.get("cookie") : null;
    if (token !== null) {
      const reason = this.#check(asked, token);
      return reason === null ? "query" : this.#refuse(ask, plan.signed, forbidden(reason));
    }
    // One that is left over from a parent domain or another path may come before the right one.
    let first: SignReason | null = null;
    for (const given of cookieValues(field, TOKEN_NAME, TOKENS_TRIED_MAX)) {
      const reason = this.#check(asked, given);
      if (reason === null) return "cookie";
      first ??= reason;
    }
    return this.#refuse(ask, plan.signed, forbidden(first ?? "signature-missing"));
  }

  #check(asked: Asked, token: string): SignReason | null {
    const { ask, plan, plainPaths, client } = asked;
    const signed = plan.signed?.is;
    if (signed === undefined || signed === false) return null;
    const { signatures, clock } = this.#o;
    const { customer, hostname } = ask.entry;
    const nowSec = Math.floor(clock.wallMs() / 1000);
    return checkToken(
      token,
      { hostname, path: ask.path, plainPaths, client, nowSec },
      {
        skewSec: signed.skewSec,
        hmac: signatures.hmac,
        secret: (key) => (signed.keys.includes(key) ? signatures.secret(customer, key) : null),
      },
    );
  }

  #refuse(ask: Ask, by: Chosen<unknown>, refusal: Refusal): Response {
    count(ask, "rule", "rule");
    countBytes(ask, ask.method === "HEAD" ? 0 : refusal.words.length + 1);
    return refuse(refusal, this.#o.node, this.#named(by));
  }

  /** An answer without a body. */
  #bare(
    ask: Ask,
    by: Chosen<unknown>,
    o: { readonly status: number; readonly fields: readonly (readonly [string, string])[] },
  ): Response {
    count(ask, "rule", "rule");
    const headers = new Headers(o.fields.map(([name, value]) => [name, value] as [string, string]));
    headers.append("cache-status", this.#named(by));
    return new Response(null, { status: o.status, headers });
  }

  #named({ rule }: Chosen<unknown>): string {
    return writeCacheStatus({ cache: this.#o.node, detail: `rule:${rule}` });
  }
}

function withoutFragment(address: string): string {
  return address.split("#", 1)[0]!;
}

/** Is this address that target, which has a query of its own, with or without more behind it? */
function has(address: string, target: string): boolean {
  const bare = withoutFragment(target);
  return bare.includes("?") && (address === bare || address.startsWith(`${bare}&`));
}

const NOTHING: ReadonlySet<string> = new Set();
/** At second addresses these are as if they were not there. */
const CREDENTIALS: ReadonlySet<string> = new Set(["cookie", "authorization"]);

function seenByRules({ method, form, request }: Ask, path: string): RuleRequest {
  const at = path.indexOf("?");
  const hidden = form === "first" ? NOTHING : CREDENTIALS;
  return {
    ...{ method, form, path: rulePath(path), query: at < 0 ? "" : ruleQuery(path.slice(at + 1)) },
    has: (name) => !hidden.has(name) && request.headers.has(name),
  };
}

function forbidden(details: string): Refusal {
  const words = `This address is not open to this client: ${details}`;
  return { status: 403, words, error: "http_request_denied", details };
}

/** The step `key`. */
function keyed(ask: Ask, ruled: Ruled): Ask {
  const { entry, method } = ask;
  const safe = method === "GET" || method === "HEAD";
  const path = safe ? keyedPath(ask.path, ruled.plan.key?.is.query) : ask.path;
  const key = cacheKey({ customer: entry.customer, site: entry.hostname, path });
  const get = fieldsSeen(ask, ruled);
  // Parts carry their lengths, and no path has a space: no two requests of different keys read alike.
  const parts = keyParts(ruled.plan).map((name) => ` ${get(name) ?? "-"}`);
  return { ...ask, path, key, flight: key + parts.join(""), ruled, get };
}

/**
 * Every key under which a URL may be held by the rules in force, and in the forms that rules often
 * give: a purge of it is to find them all. A signature is in none of them.
 */
export function pathsHeld(rules: EntryRules | null, asked: string): readonly string[] {
  if (rules === null) return [asked];
  const path = rules.site.signs ? takeToken(asked).rest : asked;
  const policies = [...rules.site.queryPolicies(rulePath(path)), "none", "sorted"] as const;
  return [...new Set(policies.map((policy) => keyedPath(path, policy)))];
}
