import { cacheKey, normalAccept, normalEncodings } from "../../policy/caching/mod.ts";
import { countLoops, splitUrl, type Target } from "../../wire/http/mod.ts";
import { noCounts } from "./count.ts";
import type { Relayed } from "./crew.ts";
import { InboundUsage } from "./inbound-usage.ts";
import { TARGET_LENGTH_MAX } from "./limits.ts";
import { type Refusal, refusals } from "./refuse.ts";
import { ruledFields } from "./rules-fields.ts";
import type { Ruled } from "./rules-table.ts";
import type { EdgeTable, Form, SiteEntry } from "./table.ts";
import type { TierAsk } from "./tier.ts";
import type { Turn } from "./turns.ts";

/** What is sent of an answer's body, for whoever writes requests down. */
export interface Sent {
  bytes: number;
  /** It goes as it comes: the bytes are known at its end. */
  streamed: boolean;
  /** It goes whole and is large: what is to be counted of it once it is known how far it came. */
  held: number;
  /** Whose site was asked for when it was; null: nobody's, or that is not known yet. */
  owner: Pick<SiteEntry, "customer" | "hostname"> | null;
  /** For whom that is counted. */
  entry: Pick<SiteEntry, "usage" | "counts"> | null;
  /** It is a WebSocket that is open; `ended` is called when it is no more. */
  lasts: boolean;
  ended: (() => void) | null;
  /** Somebody sees to what is held. */
  readonly watched: boolean;
}

/** Nothing so far. */
export function nothingSent(watched: boolean): Sent {
  const socket = { lasts: false, ended: null };
  return { bytes: 0, streamed: false, held: 0, owner: null, entry: null, watched, ...socket };
}

/** A request once it is known what it asks for: one site, one path, chosen once for all steps. */
export interface Ask {
  readonly request: Request;
  readonly method: string;
  readonly entry: SiteEntry;
  readonly form: Form;
  /** Path and query at the origin. */
  readonly path: string;
  readonly key: string;
  /** The key with whatever parts rules add to it: who waits for one fetch has this in common. */
  readonly flight: string;
  /** The client's address. */
  readonly client: string;
  /** The port at which its connection begins; left out where nobody knows. */
  readonly clientPort?: number;
  /** By which it takes its turn among what its connection asks for; left out: it need not. */
  readonly turn?: Turn;
  /** A field as the origin would see it: null for those that are not sent on. */
  readonly get: (name: string) => string | null;
  /** What the site's rules made of it; null: it has none. */
  readonly ruled: Ruled | null;
  /** Called whenever a part of the request's body came. */
  readonly alive?: () => void;
  /** Called when all of the answer is handed over: its connection may be no quieter than others. */
  readonly over?: () => void;
  /** At a worker: path and query as they came, before any rule. */
  readonly asked?: string;
  /** At the keeper: what is held goes to the worker as it is. */
  readonly handOver?: true;
  /** What was found on disk for it was ended by a purge: it is no miss like others. */
  readonly purged?: true;
  /** Null: nobody asks for it. */
  readonly sent?: Sent | null;
  /** Another cache of ours asks, which has carried out the rules. */
  readonly tier?: TierAsk;
}

const SECOND_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
/** What the listener knows, but TRACE, CONNECT and what others use to command a cache (H21). */
const FIRST_METHODS = new Set([
  ...[...SECOND_METHODS, "POST", "PUT", "DELETE", "PATCH", "QUERY", "SEARCH", "REPORT", "M-SEARCH"],
  ...["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"],
]);

/**
 * What is sent on from a second address, which serves static content, the same for everybody:
 * Accept and Accept-Encoding brought to a few forms, and what CORS needs (H8).
 */
const SENT_ON = new Set(["accept", "accept-encoding", "origin"]);
const SENT_ON_WITH_OPTIONS = new Set([
  "access-control-request-headers",
  "access-control-request-method",
]);
/**
 * Where authorities look for who holds a name (RFC 8555 8.3; CA/B forum, 3.2.2.4.18). Names in the network's zone
 * are the network's to have certificates for, whichever site they lead to (threats T7).
 */
const SHOWS_HOLDER = /^\/\.well-known\/(acme-challenge|pki-validation)(\/|$)/i;
const WEB_ORIGIN = /^(null|https?:\/\/[a-z0-9.-]{1,253}(:\d{1,5})?)$/i;

/**
 * Never sent on: what web servers and frameworks take, as the word of a proxy before them, for the request's
 * real host, path, method, scheme or client (H8), or for one of ours.
 */
const NEVER_SENT_ON = new RegExp(
  `^(${[
    ...["host", "x-host", "x-real-host", "x-backend-host", "x-http-host.*"],
    ...["forwarded", "x-forwarded(-.*)?", "x-forward(er)?-for", "x-original-.*", "x-rewrite-.*"],
    ...["(x-)?(request-)?ur[il]", "base-url", "x-proxy-url", "x-matched-path", "x-invoke-.*"],
    ...["x-middleware-.*", "x-now-route-matches", "x-sendfile-type", "x-accel-.*", "translate"],
    ...["x-http-method.*", "x-method-override", "x-method", "(http-)?method-override"],
    ...["x-scheme", "x-url-scheme", "front-end-https", "x-arr-ssl", "fastly-ssl", "cf-visitor"],
    ...["cloudfront-(forwarded|viewer)-.*", "(x-)?(real|remote|originating)-(ip|addr)"],
    ...["(x-|true-|http-|x-cluster-|x-true-|fastly-|fly-|incap-)?client-?ip", "wl-proxy-.*"],
    ...["(cf|do)-connecting-ip(v6)?", "cf-pseudo-ipv4", "cf-ipcountry", "x-proxyuser-ip"],
    ...["x-(azure|sucuri)-client-?ip", "ali-cdn-real-ip"],
    ...["x-appengine-.*", "x-envoy-.*", "x-vercel-.*"],
    ...["proxy-.*", "proxy", "x-device-class", "x-client-country"],
    "turnpike-(tier|relayed|place|told|long-head)",
  ].join("|")})$`,
);

/**
 * What of a client's fields no web server sees at first addresses. Names with `_` are none: many servers take
 * them for those with `-`, which a rule, a Vary or the list above may be about.
 */
function isNeverSentOn(name: string): boolean {
  return name.includes("_") || NEVER_SENT_ON.test(name);
}

/**
 * The step `recv`: own checks of host, method and target before anything else (the listener joins
 * two Host fields, takes any method, and hands over targets it cannot parse).
 */
export function receive(request: Request, table: EdgeTable, client: string): Ask | Refusal {
  const { method, headers } = request;
  const target = targetOf(request);
  if ("status" in target) return target;
  if (!FIRST_METHODS.has(method)) return refusals.method;
  if (countLoops(headers.get("cdn-loop"), table.cdnId) > 0) return refusals.loop;
  const asked = siteAt(target, request, table);
  return "status" in asked ? asked : askOf({ ...asked, request, client });
}

interface SiteAsked {
  readonly entry: SiteEntry;
  readonly form: Form;
  /** Path and query at the origin. */
  readonly path: string;
}

/** What a request is about, whatever its method. */
export function siteAsked(request: Request, table: EdgeTable): SiteAsked | Refusal {
  const target = targetOf(request);
  return "status" in target ? target : siteAt(target, request, table);
}

function targetOf({ url, headers }: Request): Target | Refusal {
  const target = splitUrl(url, headers.get("host"));
  if (target === null) return refusals.badTarget;
  return target.path.length > TARGET_LENGTH_MAX ? refusals.tooLong : target;
}

function siteAt(target: Target, { headers }: Request, table: EdgeTable): SiteAsked | Refusal {
  if (target.host === table.pathHost) {
    const slash = target.path.indexOf("/", 1);
    const hostname = target.path.slice(1, slash < 0 ? undefined : slash).toLowerCase();
    const entry = table.byHostname.get(hostname);
    if (entry === undefined || slash < 0) return refusals.unknownPath;
    if (headers.has("service-worker")) return refusals.serviceWorker;
    return { entry, form: "path", path: target.path.slice(slash) };
  }
  const found = table.byHost.get(target.host);
  if (found === undefined) return refusals.unknownHost;
  if (found.form === "host" && SHOWS_HOLDER.test(target.path)) return refusals.notTheirName;
  return { ...found, path: target.path };
}

/**
 * A request that a worker asks the keeper about: recv was the worker's. Null: it has another snapshot, by
 * which that is no request for its site.
 */
export function relayedAsk(request: Request, table: EdgeTable, of: Relayed): Ask | null {
  const { site, form, path, client } = of;
  const entry = table.byHostname.get(site);
  if (entry?.customer !== of.customer || form === "tier") return null;
  const counted = { ...entry, usage: new InboundUsage(entry.usage), counts: noCounts() };
  const ask = askOf({ request, entry: counted, form, path, client });
  return "status" in ask ? null : { ...ask, handOver: true };
}

function askOf(o: {
  readonly request: Request;
  readonly entry: SiteEntry;
  readonly form: Form;
  readonly path: string;
  readonly client: string;
}): Ask | Refusal {
  const { entry, form, path, request } = o;
  if (entry.fault !== null) return refusals.unruled;
  if (form !== "first" && !SECOND_METHODS.has(request.method)) return refusals.method;
  const key = cacheKey({ customer: entry.customer, site: entry.hostname, path });
  const get = fieldsSeen(o, null);
  return { ...o, method: request.method, key, flight: key, get, ruled: null };
}

/** Whose request it is, as far as an origin gets to see. */
interface SeenBy {
  readonly form: Form;
  readonly request: Request;
  /** Null: not known here. */
  readonly client: string | null;
}

/** A request's fields through the eyes of the origin: what it is sent, and null for all else. */
export function fieldsSeen(of: SeenBy, ruled: Ruled | null): (name: string) => string | null {
  const theirs = fieldsSentOn(of);
  // What we say of the client ourselves may be what an answer varies by.
  const seen = (name: string) => {
    if (name === "x-forwarded-proto") return of.request.url.startsWith("https:") ? "https" : "http";
    return name === "x-forwarded-for" ? of.client : theirs(name);
  };
  return ruled === null ? seen : ruledFields(seen, { ...of, ruled });
}

function fieldsSentOn({ form, request }: SeenBy): (name: string) => string | null {
  const { headers, method } = request;
  if (form === "first") {
    return (name) => {
      if (isNeverSentOn(name)) return null;
      const value = headers.get(name);
      return name === "accept-encoding" ? normalEncodings(value) : value;
    };
  }
  return (name) => {
    if (name === "accept-encoding") return normalEncodings(headers.get(name));
    if (name === "accept") return normalAccept(headers.get(name));
    if (SENT_ON_WITH_OPTIONS.has(name)) return method === "OPTIONS" ? headers.get(name) : null;
    if (!SENT_ON.has(name)) return null;
    const value = headers.get(name);
    return value !== null && WEB_ORIGIN.test(value) ? value : null;
  };
}

/** The web origin of what was asked for: as the client asked, and as web servers are. */
export function originsAsked({ entry, form, request, tier }: Ask): readonly string[] {
  const { serverAddress, hostname } = entry;
  // At a second address, or another cache's, the client's is not the site's own.
  if (form !== "first" || tier !== undefined) return [entry.firstAddress, serverAddress];
  const { protocol, port } = new URL(request.url);
  return [`${protocol}//${hostname}${port === "" ? "" : `:${port}`}`, serverAddress];
}

/** By which a client asks for a part, or for nothing where it has what there is. */
export const CONDITIONS: ReadonlySet<string> = new Set([
  ...["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"],
  ...["if-range", "range"],
]);

/**
 * The same ask for a fetch that outlives its request: its own copy of the fields, without what that
 * client has already or does not want kept, and counters of its own, for nobody waits for it. What comes
 * from web servers is the site's all the same.
 */
export function detached(ask: Ask): Ask {
  const { url } = ask.request;
  const headers = new Headers(ask.request.headers);
  for (const name of [...CONDITIONS, "cache-control"]) headers.delete(name);
  const request = new Request(url, { headers });
  const usage = new InboundUsage(ask.entry.usage);
  const entry = { ...ask.entry, usage, counts: noCounts() };
  const { alive: _, over: __, handOver: ___, ...rest } = ask;
  return {
    ...rest,
    request,
    method: "GET",
    entry,
    sent: null,
    ...(ask.tier === undefined
      ? { get: fieldsSeen({ ...ask, request }, ask.ruled) }
      : { tier: { ...ask.tier, told: null } }),
  };
}

export const OWN_PATH = "/.well-known/turnpike/";

/**
 * What is asked of this cache itself, such as `health`, without the query; null for all else.
 * Whatever the host is: probes come by address.
 */
export function askedOfUs(url: string): string | null {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  if (!url.startsWith(OWN_PATH, start)) return null;
  const query = url.indexOf("?", start);
  return url.slice(start + OWN_PATH.length, query < 0 ? undefined : query);
}
