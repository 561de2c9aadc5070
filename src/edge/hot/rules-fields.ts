import {
  CORS_FIELDS,
  cookiesWithout,
  corsFields,
  deviceClass,
  editedField,
  editFields,
  givenNames,
  type KeyClient,
  keyedCookies,
  keyPart,
  type Plan,
  TOKEN_NAME,
  ttlFor,
} from "../../policy/rules/mod.ts";
import type { Fields } from "../cache/mod.ts";
import type { Ruled } from "./rules-table.ts";
import type { Form } from "./table.ts";

type Get = (name: string) => string | null;

/** What an origin is told of a client where the key is made of it, in these fields. */
const DEVICE_FIELD = "x-device-class";
const COUNTRY_FIELD = "x-client-country";

/**
 * A request's fields as the origin sees them once the rules were at them: only keyed cookies, and never
 * the one by which a rule lets clients in, keyed fields also at second addresses, edits made. Names that begin with a colon are parts of the key.
 */
export function ruledFields(
  seen: Get,
  of: { readonly request: Request; readonly form: Form; readonly ruled: Ruled },
): Get {
  const { request, form } = of;
  const { plan, country } = of.ruled;
  const { headers = [], cookies, device, country: byCountry } = plan.key?.is ?? {};
  const safe = request.method === "GET" || request.method === "HEAD";
  const client: KeyClient = {
    field: (name) => request.headers.get(name),
    country,
    cookies: form === "first",
    scheme: request.url.startsWith("https:") ? "https" : "http",
  };
  const plain = (name: string): string | null =>
    name === "cookie" && plan.signsByCookie ? cookiesWithout(seen(name), TOKEN_NAME) : seen(name);
  const keyed = (name: string): string | null => {
    if (!safe) return plain(name);
    if (name === DEVICE_FIELD && device === true) return deviceClass(client.field("user-agent"));
    if (name === COUNTRY_FIELD && byCountry === true) return country;
    if (name === "cookie" && cookies !== undefined) {
      return form === "first" ? keyedCookies(client.field("cookie"), cookies) : null;
    }
    // The rule answers pages of other origins, so the object has to be the same for all of them.
    if (name === "origin" && plan.cors !== null) return null;
    if (name === "accept-encoding" && compresses(plan)) return "identity";
    return headers.includes(name) ? client.field(name) : plain(name);
  };
  return (name) => {
    if (name.startsWith(":")) return keyPart(name, plan, client);
    const value = keyed(name);
    return plan.request.length === 0 ? value : editedField(name, value, plan.request);
  };
}

/** Names of fields that rules may send beside those of the request. */
export function namesGiven(plan: Plan): readonly string[] {
  const { headers = [], device, country } = plan.key?.is ?? {};
  return [
    ...givenNames(plan.request),
    ...headers,
    ...(device === true ? [DEVICE_FIELD] : []),
    ...(country === true ? [COUNTRY_FIELD] : []),
  ];
}

export function compresses(plan: Plan): boolean {
  return plan.compress !== null && plan.compress.is !== false;
}

/** The fields of a response as the rules let them leave, before the guards of second addresses. */
export function ruledResponse(fields: Fields, { plan }: Ruled, request: Request): Fields {
  const edited = editFields(fields, plan.response);
  const vary = varyOf(plan);
  const varied = vary === "" ? edited : [...edited, ["vary", vary] as const];
  if (plan.cors === null) return varied;
  const own = varied.filter(([name]) => !CORS_FIELDS.has(name));
  return [...own, ...corsFields(plan.cors.is, request.headers.get("origin"))];
}

/** What caches after us need to know; a country no field tells. */
function varyOf(plan: Plan): string {
  const { headers = [], cookies, device } = plan.key?.is ?? {};
  const names = [...headers, ...(cookies === undefined ? [] : ["Cookie"])];
  return [...names, ...(device === true ? ["User-Agent"] : [])].join(", ");
}

/**
 * Cache-Control as browsers are to have it: the rule's lifetime from now on, whatever the age is, and
 * nothing for others to keep where a cookie let this client in. An answer that says private, no-store
 * or no-cache is left as it is.
 */
export function sayBrowserTtl(
  headers: Headers,
  ruled: Ruled,
  of: { readonly status: number; readonly ageSec: number },
): void {
  const sec = ttlFor(ruled.plan.ttl?.is ?? [], of.status)?.browserSec;
  sayFor(headers, ruled, sec === undefined ? null : sec + of.ageSec);
}

/** The same of an answer that is not kept here: it says its own lifetime. */
export function sayAlone(headers: Headers, ruled: Ruled): void {
  sayFor(headers, ruled, null);
}

/** What caches after us take for theirs, and then look at no Cache-Control (RFC 9213 2.2). */
const TARGETED = /^(.+-cache-control|surrogate-control)$/;

function dropTargeted(headers: Headers): void {
  for (const name of [...headers.keys()]) if (TARGETED.test(name)) headers.delete(name);
}

/** That a range is not there says nothing of what is: no cache after us may keep it for that. */
export function sayUnsatisfiable(headers: Headers, sizeBytes: number): void {
  headers.set("content-range", `bytes */${sizeBytes}`);
  headers.set("cache-control", "no-store");
  headers.delete("expires");
  dropTargeted(headers);
}

function sayFor(headers: Headers, { signedBy }: Ruled, maxAgeSec: number | null): void {
  const alone = signedBy === "cookie";
  if (maxAgeSec === null && !alone) return;
  if (alone) dropTargeted(headers);
  const before = headers.get("cache-control") ?? "";
  if (/(^|[,\s])(private|no-store|no-cache)\b/i.test(before)) return;
  const drop = maxAgeSec === null ? /^s-maxage=|^public$/i : /^(s-maxage|max-age)=/i;
  const kept = before
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "" && !drop.test(one) && !(alone && /^public$/i.test(one)));
  const own = [
    ...(alone ? ["private"] : []),
    ...(maxAgeSec === null ? [] : [`max-age=${maxAgeSec}`]),
  ];
  headers.set("cache-control", [...own, ...kept].join(", "));
  if (maxAgeSec !== null) headers.delete("expires");
}
