import { sameBytes } from "../../base/same-bytes.ts";
import { clientPrefix, prefixContains } from "../../wire/ip/mod.ts";
import { unescaped } from "./path.ts";

/** The query parameter and the cookie that a signature is in. */
export const TOKEN_NAME = "tp-token";
/** How long a token may be. */
const TOKEN_LENGTH_MAX = 2_048;
const VERSION = "1";
const PURPOSE = "turnpike signed address";
/** Secrets are of at least this many bytes (RFC 2104 3: not below the length of the hash). */
export const SECRET_BYTES_MIN = 32;

/** HMAC-SHA-256: 32 bytes. */
export type Hmac = (secret: Uint8Array, message: Uint8Array) => Uint8Array;

/** What a signature grants. */
export interface Grant {
  /** The name of the key. */
  readonly key: string;
  /** Since when and until when, seconds since the epoch; `until` is the first second without it. */
  readonly fromSec: number;
  readonly untilSec: number;
  /** A client prefix, or null for everybody. */
  readonly prefix: string | null;
  /** `path`: this path and query alone; `prefix`: whatever begins so. */
  readonly scope: "path" | "prefix";
  /** For scope `prefix`: what paths begin with. */
  readonly under: string;
  /** Whatever the customer wants to find again, such as a user's number; signed, not looked at. */
  readonly data: string;
}

/** Why a signature is refused; part of the answer and of logs. */
export type SignReason =
  | "signature-missing"
  | "signature-malformed"
  | "signature-unknown-key"
  | "signature-wrong"
  | "signature-not-yet"
  | "signature-expired"
  | "signature-other-client"
  | "signature-other-path";

/**
 * The token: `version~key~from~until~prefix~under~data~signature`, each part percent-encoded so that
 * it stands in a query and in a cookie as it is. `under` begins with a slash for scope `prefix` and is
 * empty for scope `path`. Signed are the parts, the site and, for scope `path`, path and query, each
 * with its length before it (compare US 7,363,361: key, time, time to live, address).
 */
export function signToken(
  grant: Grant,
  of: { readonly hostname: string; readonly path: string },
  o: { readonly secret: Uint8Array; readonly hmac: Hmac },
): string {
  const parts = partsOf(grant);
  const signature = base64url(o.hmac(o.secret, messageOf(parts, grant, of)));
  return [...parts, signature].map(escaped).join("~");
}

/**
 * Does the token let this client have this path now? In order; the first that applies decides:
 *
 *   not of this form                        signature-malformed
 *   a key that the rule does not name       signature-unknown-key
 *   the signature is another                signature-wrong; compared in constant time
 *   not begun, or over, by more than skew   signature-not-yet, signature-expired
 *   another client's prefix                 signature-other-client
 *   not below the path that was signed      signature-other-path
 */
export function checkToken(
  token: string,
  of: {
    readonly hostname: string;
    /** Path and query, without the token. */
    readonly path: string;
    /** As `rulePaths` gives them: what is below a prefix is judged by all of them. */
    readonly plainPaths: readonly string[];
    readonly client: Uint8Array | null;
    readonly nowSec: number;
  },
  by: {
    readonly skewSec: number;
    /** The secret of a key that the rule names, else null. */
    readonly secret: (key: string) => Uint8Array | null;
    readonly hmac: Hmac;
  },
): SignReason | null {
  const read = readToken(token);
  if (read === null) return "signature-malformed";
  const { grant, signature } = read;
  const secret = by.secret(grant.key);
  if (secret === null) return "signature-unknown-key";
  const right = by.hmac(secret, messageOf(partsOf(grant), grant, of));
  if (!sameBytes(right, signature)) return "signature-wrong";
  if (of.nowSec + by.skewSec < grant.fromSec) return "signature-not-yet";
  if (of.nowSec - by.skewSec >= grant.untilSec) return "signature-expired";
  if (grant.prefix !== null && !holds(grant.prefix, of.client)) return "signature-other-client";
  if (grant.scope === "prefix" && !isUnder(of, grant.under)) return "signature-other-path";
  return null;
}

function isUnder(
  of: { readonly path: string; readonly plainPaths: readonly string[] },
  under: string,
): boolean {
  const plain = unescaped(under);
  return of.path.startsWith(under) && of.plainPaths.every((path) => path.startsWith(plain));
}

function holds(text: string, client: Uint8Array | null): boolean {
  const prefix = clientPrefix(text);
  return prefix !== null && client !== null && prefixContains(prefix, client);
}

function partsOf(grant: Grant): readonly string[] {
  const { key, fromSec, untilSec, prefix, under, data } = grant;
  return [VERSION, key, String(fromSec), String(untilSec), prefix ?? "", under, data];
}

function messageOf(
  parts: readonly string[],
  grant: Grant,
  of: { readonly hostname: string; readonly path: string },
): Uint8Array {
  const encoder = new TextEncoder();
  const what = grant.scope === "path" ? of.path : "";
  const texts = [PURPOSE, ...parts, of.hostname, what].map((text) => {
    return `${encoder.encode(text).length}:${text}`;
  });
  return encoder.encode(texts.join(""));
}

/** Null when it is no token. */
function readToken(
  token: string,
): { readonly grant: Grant; readonly signature: Uint8Array } | null {
  if (token.length > TOKEN_LENGTH_MAX) return null;
  const parts = token.split("~").map(textOf);
  if (parts.length !== 8 || parts.some((part) => part === null)) return null;
  const [version, key, from, until, prefix, under, data, mac] = parts as string[];
  const signature = bytesOf(mac!);
  if (version !== VERSION || signature === null) return null;
  if (!/^\d{1,11}$/.test(from!) || !/^\d{1,11}$/.test(until!)) return null;
  if (under !== "" && !under!.startsWith("/")) return null;
  const grant: Grant = {
    key: key!,
    fromSec: Number(from),
    untilSec: Number(until),
    prefix: prefix === "" ? null : prefix!,
    scope: under === "" ? "path" : "prefix",
    under: under!,
    data: data!,
  };
  return { grant, signature };
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[~!'()*]/g, (one) => {
    return `%${one.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

function textOf(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function bytesOf(text: string): Uint8Array | null {
  if (!/^[\w-]{43}$/.test(text)) return null;
  const plain = atob(`${text.replaceAll("-", "+").replaceAll("_", "/")}=`);
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

/** The token of a request's query, and path and query without it. */
export function takeToken(path: string): { readonly token: string | null; readonly rest: string } {
  const at = path.indexOf("?");
  if (at < 0 || !path.includes(`${TOKEN_NAME}=`, at)) return { token: null, rest: path };
  const list = path.slice(at + 1).split("&");
  const own = `${TOKEN_NAME}=`;
  const token = list.find((one) => one.startsWith(own))?.slice(own.length) ?? null;
  const others = list.filter((one) => !one.startsWith(own));
  const rest = path.slice(0, at) + (others.length === 0 ? "" : `?${others.join("&")}`);
  return { token, rest };
}
