import {
  acceptedLanguages,
  prefersLanguage,
  readCodings,
  readWeights,
  splitList,
  trimBlanks,
} from "../../wire/http/mod.ts";

/**
 * The primary key of an object: the customer first, so that no two customers ever share one, then
 * the site, then path and query. None of the parts can hold a space. The method is always GET.
 *
 * @example cacheKey({ customer: "acme", site: "www.shop.example", path: "/logo.png" })
 */
export function cacheKey(of: {
  readonly customer: string;
  readonly site: string;
  readonly path: string;
}): string {
  return `${of.customer} ${of.site} ${of.path}`;
}

/**
 * Path and query in the one form that keys use: dot segments resolved, what needs it
 * percent-encoded (URL standard). Null when it does not begin with a slash or has a fragment.
 *
 * @example canonicalPath("/a/../b?x=1") // "/b?x=1"
 */
export function canonicalPath(text: string): string | null {
  if (!text.startsWith("/") || text.includes("#")) return null;
  try {
    const url = new URL(`http://h${text}`);
    return url.host === "h" ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}

/**
 * Which of the request's fields chose this variant (RFC 9111 4.1), as text. Values are compared
 * without the blanks at their ends and around commas that are in no quotes, languages by what they mean;
 * an absent field is not an empty one.
 */
export function variantKey(vary: readonly string[], get: (name: string) => string | null): string {
  if (vary.length === 0) return "";
  return vary.map((name) => `${name}:${normalValue(name, get(name))}`).join("\n");
}

/** What a stored response says of the requests that it answers. */
export interface Variant {
  readonly vary: readonly string[];
  readonly variant: string;
  /** Its Content-Language, where it has one and varies by Accept-Language. */
  readonly language?: string;
}

/**
 * Does it answer a request with these fields? Also when it is in the one language that the request
 * wants most: a server that chooses by language would choose no other (RFC 9111 4.1, last paragraph).
 */
export function variantMatches(stored: Variant, get: (name: string) => string | null): boolean {
  return stored.vary.length === 0 || answers(stored, get, variantKey(stored.vary, get));
}

/** The same of several that are held of one key: fields are read once for all that vary by the same. */
export function variantMatcher(get: (name: string) => string | null): (stored: Variant) => boolean {
  let vary: readonly string[] = [];
  let key = "";
  return (stored) => {
    if (stored.vary.length === 0) return true;
    if (stored.vary.length !== vary.length || stored.vary.some((name, i) => name !== vary[i])) {
      vary = stored.vary;
      key = variantKey(vary, get);
    }
    return answers(stored, get, key);
  };
}

/** @param key of the request, by what the stored one varies by */
function answers(stored: Variant, get: (name: string) => string | null, key: string): boolean {
  if (key === stored.variant) return true;
  if (stored.language === undefined) return false;
  const wanted = get("accept-language");
  if (wanted === null || !prefersLanguage(wanted, stored.language)) return false;
  const rest = stored.vary.filter((name) => name !== "accept-language");
  const others = stored.variant.split("\n").filter((line) => !line.startsWith("accept-language:"));
  return variantKey(rest, get) === others.join("\n");
}

/** The language of a response that varies by language, for `Variant`. */
export function variantLanguage(
  vary: readonly string[],
  contentLanguage: string | null,
): { readonly language?: string } {
  if (contentLanguage === null || !vary.includes("accept-language")) return {};
  return /^[A-Za-z0-9-]{1,35}$/.test(contentLanguage) ? { language: contentLanguage } : {};
}

function normalValue(name: string, value: string | null): string {
  if (value === null) return "-";
  if (name === "accept-language") return `=${acceptedLanguages(value)}`;
  if (!value.includes(",")) return `=${trimBlanks(value)}`;
  return `=${splitList(value).members.join(",")}`;
}

/**
 * Accept-Encoding in one of four forms, so that the browsers of the world make four variants and
 * not hundreds. It is what the origin is sent, and so what its Vary speaks of. That a client excludes the
 * bytes as they are is not sent on: the 406 that it asks for would be everybody's.
 *
 * @example normalEncodings("gzip, deflate, br;q=0.9") // "br, gzip"
 */
export function normalEncodings(field: string | null): string {
  const weights = readCodings(field);
  const both = ["br", "gzip"].filter((coding) => weights.of(coding) > 0);
  return both.length === 0 ? "identity" : both.join(", ");
}

/**
 * Accept in one of four forms: which of the newer image formats the client names and takes. Nothing else of it
 * is sent on from second addresses, so no origin can be made to say a client's words to others (H8).
 *
 * @example normalAccept("image/webp;q=0.9") // "image/webp," and then any type
 */
export function normalAccept(field: string | null): string {
  const weights = readWeights(field ?? "");
  const taken = ["image/avif", "image/webp"].filter((type) => (weights.get(type) ?? 0) > 0);
  return [...taken, "*/*"].join(",");
}
