import { sameBytes } from "../../base/same-bytes.ts";

/** In requests between caches of one network what `TierMark` says; in their answers `TierTold`. */
export const TIER_FIELD = "turnpike-tier";

const VERSION = "1";
const PURPOSE = "turnpike tier";
const MARK_LENGTH_MAX = 12_288;
const NAMES = /^[a-z0-9-]{1,63}(,[a-z0-9-]{1,63}){0,7}$/;
const MAC_HEX = /^[0-9a-f]{64}$/;

/** What a cache says to its parent of a request that it passes up. */
export interface TierMark {
  /** When it was written, ms since the epoch. */
  readonly atMs: number;
  /** Caches that the request has come through, the client's first. */
  readonly from: readonly string[];
  /** The last purge that the cache asking has applied. */
  readonly purge: number;
  /** The client's address, and how it asked the first cache. */
  readonly client: string;
  readonly scheme: "http" | "https";
  /** Names the rules that match, of which set of rules; "" where the site has none. */
  readonly rules: string;
  /** Values of the key's parts beside path and query, in their order. */
  readonly parts: readonly (string | null)[];
}

/** What a mark is of: it is good for nothing else. */
export interface TierTarget {
  readonly method: string;
  /** Whose the host is, as far as each of the two knows: a hostname may go from one to another. */
  readonly customer: string;
  readonly host: string;
  /** Path and query. */
  readonly path: string;
}

type Hmac = (secret: Uint8Array, message: Uint8Array) => Uint8Array;

/** The field of a request: `version at from purge client scheme rules parts mac`. */
export function writeTierMark(
  mark: TierMark,
  of: TierTarget,
  o: { readonly secret: Uint8Array; readonly hmac: Hmac },
): string {
  const { atMs, from, purge, client, scheme, rules, parts } = mark;
  const values = parts.map((part) => (part === null ? "-" : `=${encodeURIComponent(part)}`));
  const words = [VERSION, atMs, from.join(","), purge, client, scheme, rules || "-"];
  const text = [...words, values.join(",") || "."].join(" ");
  return `${text} ${hex(o.hmac(o.secret, messageOf(text, of)))}`;
}

/**
 * Null for whatever was not written with one of these secrets for this very request within so many ms
 * of now. The signature is compared in constant time, and before anything that it covers is believed.
 */
export function readTierMark(
  field: string | null,
  of: TierTarget,
  by: {
    readonly secrets: readonly Uint8Array[];
    readonly hmac: Hmac;
    readonly nowMs: number;
    readonly windowMs: number;
  },
): TierMark | null {
  if (field === null || field.length > MARK_LENGTH_MAX) return null;
  const end = field.lastIndexOf(" ");
  const text = field.slice(0, Math.max(end, 0));
  const mac = field.slice(end + 1);
  if (!MAC_HEX.test(mac)) return null;
  const given = Uint8Array.from({ length: 32 }, (_, i) =>
    Number.parseInt(mac.slice(2 * i, 2 * i + 2), 16),
  );
  const message = messageOf(text, of);
  if (!by.secrets.some((secret) => sameBytes(by.hmac(secret, message), given))) return null;
  const mark = parse(text);
  return mark !== null && Math.abs(mark.atMs - by.nowMs) <= by.windowMs ? mark : null;
}

function parse(text: string): TierMark | null {
  const words = text.split(" ");
  const [version, at, from, purge, client, scheme, rules, parts] = words;
  if (words.length !== 8 || version !== VERSION) return null;
  const atMs = count(at);
  const number = count(purge);
  if (atMs === null || number === null || !NAMES.test(from!)) return null;
  if (scheme !== "http" && scheme !== "https") return null;
  const values = parts === "." ? [] : parts!.split(",").map(partOf);
  if (values.includes(undefined)) return null;
  return {
    ...{ atMs, from: from!.split(","), purge: number, client: client!, scheme },
    rules: rules === "-" ? "" : rules!,
    parts: values as (string | null)[],
  };
}

function partOf(text: string): string | null | undefined {
  if (text === "-") return null;
  if (!text.startsWith("=")) return undefined;
  try {
    return decodeURIComponent(text.slice(1));
  } catch {
    return undefined;
  }
}

function messageOf(text: string, { method, customer, host, path }: TierTarget): Uint8Array {
  const encoder = new TextEncoder();
  const texts = [PURPOSE, method, customer, host, path, text];
  return encoder.encode(texts.map((one) => `${encoder.encode(one).length}:${one}`).join(""));
}

function count(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a parent says of its answer beside the answer. */
export interface TierTold {
  /** The last purge that was applied where the answer was fetched from a web server. */
  readonly purge: number;
  /** For how long caches above the one asking have held it, ms. */
  readonly heldMs: number;
  /** Why it is the parent's own word, no web server's; its name among the refusals. */
  readonly made?: string;
  /** It is for this request alone: whoever asked keeps nothing of it. */
  readonly alone?: true;
}

/** @example writeTierTold({ purge: 7, heldMs: 1500 }) // "7; held=1500" */
export function writeTierTold({ purge, heldMs, made, alone }: TierTold): string {
  const more = `${made === undefined ? "" : `; made=${made}`}${alone === true ? "; alone" : ""}`;
  return `${purge}; held=${Math.max(0, Math.floor(heldMs))}${more}`;
}

/** Null when it is not such a field. */
export function readTierTold(field: string | null | undefined): TierTold | null {
  const found = /^(\d{1,15}); held=(\d{1,15})(?:; made=([A-Za-z]{1,40}))?(; alone)?$/.exec(
    field ?? "",
  );
  if (found === null) return null;
  const [, purge, heldMs, made, alone] = found;
  return {
    ...{ purge: Number(purge), heldMs: Number(heldMs) },
    ...(made === undefined ? {} : { made }),
    ...(alone === undefined ? {} : { alone: true as const }),
  };
}
