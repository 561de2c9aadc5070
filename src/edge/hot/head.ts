import { ageMs } from "../../policy/caching/mod.ts";
import { CODINGS, type Coding } from "../../policy/rules/mod.ts";
import { type CacheStatus, writeCacheStatus } from "../../wire/http/mod.ts";
import type { MemoryObject, ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { sayEncoding } from "./rules-encode.ts";
import { ruledResponse, sayBrowserTtl } from "./rules-fields.ts";
import type { Ruled } from "./rules-table.ts";
import { FORMS, type Form } from "./table.ts";
import { keepUnderPrefix } from "./under-prefix.ts";

/** Headers of a hit, built once per object and form; Age and ttl are set once a second. */
export interface Prepared {
  readonly headers: Headers;
  readonly init: { readonly status: number; readonly headers: Headers };
  /** The second they stand for. */
  sec: number;
  /** What other caches wrote into Cache-Status before us, with a comma, or "". */
  readonly upstream: string;
  /** What the rules asked for when it was built. */
  readonly plan: Ruled["plan"] | null;
  /** The site's first address then. */
  readonly firstAddress: string;
  /** To which web origin it is opened; null: it is the same whoever asks. */
  readonly openedTo: string | null;
}

/** What of a request decides which fields an answer has. */
export type HeadAsk = Pick<Ask, "form" | "entry" | "path" | "ruled" | "request">;

/** What a customer must not set on a name that all customers share (threats H25). */
const NOT_ON_SECOND = new Set([
  "set-cookie",
  "set-cookie2",
  "strict-transport-security",
  "clear-site-data",
  "alt-svc",
  "service-worker-allowed",
  "nel",
  "report-to",
  "reporting-endpoints",
  "origin-agent-cluster",
  // What browsers keep for the whole name as well.
  ...["accept-ch", "critical-ch", "expect-ct", "public-key-pins", "set-login"],
  ...["use-as-dictionary", "shared-storage-write"],
  ...["secure-session-registration", "sec-session-registration"],
]);

/**
 * Types that run nothing when opened as a page of their own; all others are sandboxed, also what ends in
 * `+xml`, of which browsers make documents. Of several types, in several fields or in one with commas,
 * browsers take the last that they know: such are not inert.
 */
const INERT =
  /^((image|audio|video|font)\/(?!svg)[\w.-]+|text\/(css|plain|csv)|application\/(json|javascript|octet-stream|zip|gzip|wasm))[ \t]*(;[^,]*)?$/i;

/** Browsers take fonts and modules of another name only where that name says so to the page's. */
const ASKED_WITH_CORS =
  /^(font\/|application\/(font-|x-font-|vnd\.ms-fontobject)|(application|text)\/(x-)?(java|ecma)script)/i;
/** Of which many servers know no type. */
const UNTYPED = /^(application\/octet-stream\b|$)/i;
const FONT = /\.(woff2?|[ot]tf|eot)(\?|$)/i;
const WEB_ORIGIN = /^https?:\/\/([a-z0-9.-]+)(:\d{1,5})?$/;

/**
 * All customers' pages at `c.<zone>` would be one browser origin: a sandboxed one has an origin of its
 * own, and there it runs nothing. At `<hostname>.<zone>` scripts run, but cannot set or read cookies,
 * which one customer's page could else set for the zone and so for all others
 * (docs/decisions/0024).
 */
const SANDBOX: Readonly<Partial<Record<Form, string>>> = {
  path: "sandbox",
  host: "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads",
};

type FieldList = readonly (readonly [string, string])[];

/**
 * The fields of a response as this form of address may send them: each response that has a site's
 * fields gets them here, hits once per object and form. The edits of rules come first: no rule undoes
 * the guards of second addresses.
 */
export function formHeaders(fields: FieldList, of: HeadAsk, node: string): Headers {
  return headersOf(fields, of, node).headers;
}

function headersOf(
  fields: FieldList,
  of: HeadAsk,
  node: string,
): { readonly headers: Headers; readonly openedTo: string | null } {
  const headers = new Headers();
  const second = of.form !== "first";
  const { ruled, request } = of;
  for (const [name, value] of ruled === null ? fields : ruledResponse(fields, ruled, request)) {
    if (second && NOT_ON_SECOND.has(name)) continue;
    if (name === "age" || name === "content-length") continue;
    headers.append(name, value);
  }
  headers.append("via", `1.1 ${node}`);
  if (!second) return { headers, openedTo: null };
  headers.set("x-content-type-options", "nosniff");
  if (of.form === "path") keepUnderPrefix(headers, of.entry, of.path);
  headers.append("link", `<${of.entry.firstAddress}${of.path}>; rel="canonical"`);
  const type = headers.get("content-type") ?? "";
  const told = headers.has("access-control-allow-origin") || of.ruled?.plan.cors != null;
  const isFont = UNTYPED.test(type) && FONT.test(of.path);
  const openedTo = !told && (isFont || ASKED_WITH_CORS.test(type)) ? ownPages(of) : null;
  if (openedTo !== null) {
    headers.set("access-control-allow-origin", openedTo);
    // Whoever keeps it must not show one origin what says another (Fetch, CORS and caches).
    headers.append("vary", "Origin");
  }
  const sandbox = SANDBOX[of.form];
  if (sandbox !== undefined && !INERT.test(type)) {
    headers.append("content-security-policy", sandbox);
  }
  return { headers, openedTo };
}

/** The web origin of the site's pages: what asks, where its hostname is the site's, whatever scheme and port. */
function ownPages({ entry, request }: Pick<HeadAsk, "entry" | "request">): string {
  const origin = request.headers.get("origin");
  const isOwn = origin !== null && WEB_ORIGIN.exec(origin)?.[1] === entry.hostname;
  return isOwn ? origin : entry.firstAddress;
}

/**
 * The object's ready headers for this form; `keepAge` before each use.
 *
 * @param coding of an answer that may be compressed: how this one is; null: as it is
 */
export function preparedFor(
  object: MemoryObject<Prepared>,
  of: HeadAsk,
  how: { readonly node: string; readonly coding?: Coding | null },
): Prepared {
  const { coding } = how;
  const row = coding == null ? 0 : 1 + CODINGS.indexOf(coding);
  const slot = FORMS.length * row + FORMS.indexOf(of.form);
  const known = object.prepared[slot];
  const plan = of.ruled?.plan ?? null;
  const { firstAddress } = of.entry;
  if (known !== undefined && known.plan === plan && known.firstAddress === firstAddress) {
    if (known.openedTo === null || known.openedTo === ownPages(of)) return known;
  }
  const { headers, openedTo } = headersOf(object.meta.fields, of, how.node);
  const before = headers.get("cache-status");
  const upstream = before === null ? "" : `${before}, `;
  if (coding == null) sayRanges(headers, object.meta);
  if (coding !== undefined) sayEncoding(headers, object.meta, coding);
  const init = { status: object.meta.status, headers };
  const ready = { headers, init, sec: -1, upstream, plan, firstAddress, openedTo };
  object.prepared[slot] = ready;
  return ready;
}

/** Bodies from here on are said to come in ranges; smaller ones too can be asked for so. */
const RANGES_FROM_BYTES = 65_536;

export function sayRanges(headers: Headers, meta: ObjectMeta): void {
  if (meta.status === 200 && meta.bodyBytes >= RANGES_FROM_BYTES) {
    headers.set("accept-ranges", "bytes");
  }
}

/** Sets the age and the rest of the lifetime, once a second. */
export function keepAge(
  ready: Prepared,
  meta: ObjectMeta,
  at: { readonly node: string; readonly nowMs: number; readonly ruled: Ruled | null },
): void {
  const sec = Math.floor(at.nowMs / 1000);
  if (ready.sec === sec) return;
  ready.sec = sec;
  const age = ageMs(meta.freshness, meta.receivedMs, at.nowMs);
  const ageSec = Math.floor(age / 1000);
  ready.headers.set("age", String(ageSec));
  if (at.ruled !== null) sayBrowserTtl(ready.headers, at.ruled, { status: meta.status, ageSec });
  const hit = { cache: at.node, hit: true, ttlSec: ttlSec(meta, age), ...byRule(meta, at.ruled) };
  ready.headers.set("cache-status", ready.upstream + writeCacheStatus(hit));
}

/** The rule that gave an object its lifetime, for Cache-Status. */
export function byRule(meta: ObjectMeta, ruled: Ruled | null): Pick<CacheStatus, "detail"> {
  const rule = ruled?.plan.ttl?.rule;
  return meta.freshness.from === "rule" && rule !== undefined ? { detail: `rule:${rule}` } : {};
}

export function ttlSec(meta: ObjectMeta, ageMsNow: number): number {
  return Math.floor((meta.freshness.lifetimeMs - ageMsNow) / 1000);
}

/** Adds our member at the end of the list, after those of the caches nearer to the origin. */
export function addCacheStatus(headers: Headers, status: CacheStatus): void {
  headers.append("cache-status", writeCacheStatus(status));
}

/** Statuses of which no length is said (RFC 9110 8.6), or that have a runtime's own way. */
const NO_CONTENT: ReadonlySet<number> = new Set([204, 304]);

/**
 * An answer without a body, to HEAD with the length that GET would have, where it is known. The runtime
 * says "0" of no body, which is not so there; of a body whose length nobody knows it says none.
 */
export function bodiless(
  method: string,
  init: { readonly status: number; readonly headers: Headers },
): Response {
  const unknown =
    method === "HEAD" && !init.headers.has("content-length") && !NO_CONTENT.has(init.status);
  return new Response(unknown ? nothing() : null, init);
}

/** Of a direct stream the runtime asks no length; of others it finds out that they are empty. */
function nothing(): ReadableStream {
  const source = { type: "direct", pull: (to: { end(): void }) => to.end() };
  return new ReadableStream(source as unknown as UnderlyingSource);
}
