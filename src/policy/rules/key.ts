import type { RuleKey } from "../../model/rules.ts";
import type { Plan } from "./plan.ts";

/** What of a client a key can be made of. */
export interface KeyClient {
  /** A request's field as it came. */
  field(name: string): string | null;
  /** Two capital letters, or null where it is not known. */
  readonly country: string | null;
  /** False at second addresses: no cookie is ever looked at there. */
  readonly cookies: boolean;
  /** What the client asked by. */
  readonly scheme: "http" | "https";
}

/**
 * Path and query as they are keyed, and sent on: what is left out of the one is left out of the other,
 * so nothing unkeyed can be told back by an origin (threats H8). Values of one name keep their order.
 *
 * @example keyedPath("/a?b=1&a=2", "sorted") // "/a?a=2&b=1"
 */
export function keyedPath(path: string, policy: RuleKey["query"]): string {
  const at = path.indexOf("?");
  if (at < 0 || policy === undefined || policy === "all") return path;
  const bare = path.slice(0, at);
  if (policy === "none") return bare;
  let list = path.slice(at + 1).split("&");
  if (typeof policy === "object") {
    const names = new Set("only" in policy ? policy.only : policy.except);
    list = list.filter((one) => names.has(nameOf(one)) === "only" in policy);
  }
  list = list.filter((one) => one !== "").sort((a, b) => compare(nameOf(a), nameOf(b)));
  return list.length === 0 ? bare : `${bare}?${list.join("&")}`;
}

function nameOf(parameter: string): string {
  const equals = parameter.indexOf("=");
  return equals < 0 ? parameter : parameter.slice(0, equals);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Names of the parts that a plan's key has beside path and query, as a variant's `vary` has them. */
export function keyParts(plan: Plan): readonly string[] {
  const { headers, cookies, device, country, scheme } = plan.key?.is ?? {};
  return [
    ...(plan.apart === null ? [] : [":rules"]),
    ...(headers ?? []).map((name) => `:header:${name}`),
    ...(cookies ?? []).map((name) => `:cookie:${name}`),
    ...(device === true ? [":device"] : []),
    ...(country === true ? [":country"] : []),
    ...(scheme === true ? [":scheme"] : []),
  ];
}

/**
 * The value of one part. Each carries its length, so that no two lists of parts ever read the same;
 * null where the client has none.
 */
export function keyPart(name: string, plan: Plan, client: KeyClient): string | null {
  const value = partValue(name, plan, client);
  return value === null ? null : `${value.length} ${value}`;
}

function partValue(name: string, plan: Plan, client: KeyClient): string | null {
  if (name === ":rules") return plan.apart;
  if (name === ":device") return deviceClass(client.field("user-agent"));
  if (name === ":country") return client.country;
  if (name === ":scheme") return client.scheme;
  if (name.startsWith(":header:")) return client.field(name.slice(":header:".length));
  if (!client.cookies) return null;
  return cookieValue(client.field("cookie"), name.slice(":cookie:".length));
}

/** The first cookie of that name (RFC 6265 5.4 puts the most specific first). */
export function cookieValue(field: string | null, name: string): string | null {
  return cookieValues(field, name, 1)[0] ?? null;
}

/** The first cookies of that name, at most so many. */
export function cookieValues(field: string | null, name: string, most: number): readonly string[] {
  const values: string[] = [];
  for (const pair of field?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    values.push(pair.slice(equals + 1).trim());
    if (values.length >= most) break;
  }
  return values;
}

/** All cookies but those of that name; null for none. A field without it stays as it is. */
export function cookiesWithout(field: string | null, name: string): string | null {
  if (field === null || !field.includes(name)) return field;
  const pairs = field.split(";");
  const kept = pairs.filter((pair) => pair.split("=", 1)[0]!.trim() !== name);
  if (kept.length === pairs.length) return field;
  const others = kept.map((pair) => pair.trim()).filter((pair) => pair !== "");
  return others.length === 0 ? null : others.join("; ");
}

/** Only the cookies that are keyed, as the origin is to get them; null for none. */
export function keyedCookies(field: string | null, names: readonly string[]): string | null {
  const kept = names.flatMap((name) => {
    const value = cookieValue(field, name);
    return value === null ? [] : [`${name}=${value}`];
  });
  return kept.length === 0 ? null : kept.join("; ");
}

/**
 * What a client is held in: `mobile`, `tablet` or `desktop`, by the words that browsers agree on.
 *
 * @example deviceClass("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148") // "mobile"
 */
export function deviceClass(userAgent: string | null): "mobile" | "tablet" | "desktop" {
  const words = userAgent ?? "";
  if (/iPad|Tablet|PlayBook|Kindle/.test(words)) return "tablet";
  if (/Android/.test(words)) return /Mobile/.test(words) ? "mobile" : "tablet";
  return /Mobile|iPhone|iPod/.test(words) ? "mobile" : "desktop";
}
