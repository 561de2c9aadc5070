import type { RuleCompress } from "../../model/rules.ts";
import { readCodings } from "../../wire/http/mod.ts";

/** What the edge compresses with; the first is taken where a client likes several alike. */
export const CODINGS = ["br", "zstd", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** Text in one form or another. Images, sound, video and archives are compressed already. */
const TYPES = [
  ...["text/*", "application/javascript", "application/json", "application/xml"],
  ...["application/manifest+json", "application/ld+json", "application/rss+xml"],
  ...["application/atom+xml", "application/xhtml+xml", "application/wasm", "application/geo+json"],
  ...["image/svg+xml", "font/ttf", "font/otf", "application/vnd.ms-fontobject"],
];
const LEAST_BYTES = 512;

/** What of a stored response decides whether its bytes may be compressed. */
export interface Compressible {
  readonly status: number;
  readonly bodyBytes: number;
  get(name: string): string | null;
}

/**
 * May these bytes be sent compressed? In order; the first that applies decides:
 *
 *   the rule says no                           no
 *   another status than 200                    no   parts of it are ranges of the bytes as they are
 *   fewer bytes than the rule's least          no   the fields would cost more
 *   Content-Encoding                           no   it is compressed already; never undone (threats H14)
 *   Cache-Control: no-transform                no   RFC 9111 5.2.2.6
 *   a type that the rule names                 yes
 */
export function mayCompress(rule: RuleCompress, of: Compressible): boolean {
  if (rule === false || of.status !== 200) return false;
  const { types = TYPES, leastBytes = LEAST_BYTES } = rule === true ? {} : rule;
  if (of.bodyBytes < leastBytes || of.get("content-encoding") !== null) return false;
  if (forbidsTransforming(of.get("cache-control"))) return false;
  const type = (of.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
  return types.some((one) =>
    one.endsWith("/*") ? type.startsWith(one.slice(0, -1)) : type === one,
  );
}

/** Does this Cache-Control say no-transform? In requests it means the same (RFC 9111 5.2.1.6). */
export function forbidsTransforming(cacheControl: string | null): boolean {
  return cacheControl !== null && /(^|,)\s*no-transform\s*(,|$)/i.test(cacheControl);
}

/**
 * The coding to send, by Accept-Encoding (RFC 9110 12.5.3): the one with the highest weight that is
 * not 0; null for the bytes as they are, also where the client likes those best.
 *
 * @example negotiate("gzip, br;q=0.5") // "gzip"
 */
export function negotiate(field: string | null): Coding | null {
  const weights = readCodings(field);
  const plain = weights.plain ?? 0;
  let best: Coding | null = null;
  let most = 0;
  for (const coding of CODINGS) {
    const weight = weights.of(coding);
    if (weight <= most || weight < plain) continue;
    best = coding;
    most = weight;
  }
  return best;
}

/**
 * The validator of the compressed bytes: the same thing in other bytes, so a weak one (RFC 9110 8.8.1).
 *
 * @example encodedTag('"a"') // 'W/"a"'
 */
export function encodedTag(etag: string): string {
  return etag.startsWith("W/") ? etag : `W/${etag}`;
}

/** Vary with Accept-Encoding in it. */
export function variesByEncoding(vary: string | null): string {
  if (vary === null || vary.trim() === "") return "Accept-Encoding";
  if (/(^|,)\s*(accept-encoding|\*)\s*(,|$)/i.test(vary)) return vary;
  return `${vary}, Accept-Encoding`;
}
