import { connectionOptions, isHopByHop, writeCdnLoop } from "../../wire/http/mod.ts";
import type { Fields } from "../cache/mod.ts";
import { type Ask, CONDITIONS } from "./ask.ts";
import type { Shown } from "./credentials.ts";
import type { Sending } from "./fetched.ts";
import { namesGiven } from "./rules-fields.ts";

/**
 * The fields sent to a web server, or to the cache that is asked in its place: what may be sent on, and
 * our own, which the client cannot write.
 */
export function fieldsToSend(
  ask: Ask,
  o: { readonly sending: Sending; readonly shown: Pick<Shown, "field">; readonly node: string },
): Fields {
  const { sending, shown } = o;
  const { headers } = ask.request;
  const named = connectionOptions(headers.get("connection"));
  const fields: (readonly [string, string])[] = [["host", ask.entry.hostField]];
  const ours = new Set(["accept-encoding", "via", "cdn-loop", "user-agent", "accept"]);
  for (const name of ["x-forwarded-for", "x-forwarded-proto"]) ours.add(name);
  if (shown.field !== null) ours.add(shown.field[0]);
  headers.forEach((_, field) => {
    const name = field.toLowerCase();
    if (isOfMessage(name) || named.has(name) || ours.has(name)) return;
    if (sending.shared && CONDITIONS.has(name)) return;
    const value = name === "max-forwards" ? oneLess(ask) : ask.get(name);
    if (value !== null) fields.push([name, value]);
  });
  const there = new Set(fields.map(([name]) => name));
  for (const name of ask.ruled === null ? [] : namesGiven(ask.ruled.plan)) {
    // A key may be made of them; what frames a request is written by who sends it (threats H1).
    const kept = there.has(name) || ours.has(name) || isOfMessage(name);
    const value = kept ? null : ask.get(name);
    there.add(name);
    if (value !== null) fields.push([name, value]);
  }
  const via = headers.get("via");
  const loop = headers.get("cdn-loop");
  fields.push(
    ["accept", ask.get("accept") ?? "*/*"],
    ["accept-encoding", ask.get("accept-encoding") ?? "identity"],
    ["user-agent", ask.get("user-agent") ?? "Turnpike"],
    ["via", `${via === null ? "" : `${via}, `}1.1 ${o.node}`],
    // The network is one CDN: its first cache has added the member (RFC 8586 2).
    [
      "cdn-loop",
      ask.tier !== undefined && loop !== null ? loop : writeCdnLoop(loop, sending.cdnId),
    ],
    ["x-forwarded-for", ask.client],
    ["x-forwarded-proto", schemeOf(ask)],
    ...sending.conditions,
    ...(shown.field === null ? [] : [shown.field]),
  );
  return fields;
}

/** Is it about this message and its connection alone? */
function isOfMessage(name: string): boolean {
  return isHopByHop(name) || name === "content-length" || name === "expect";
}

/** The client wants what is held, and nothing else (RFC 9111 5.2.1.7). */
export function isOnlyIfCached({ headers }: Request): boolean {
  return /(^|,)\s*only-if-cached\s*(,|$)/i.test(headers.get("cache-control") ?? "");
}

/** How often OPTIONS may be sent on (RFC 9110 7.6.2); null: as often as it is. */
export function forwardsLeft({ method, request }: Pick<Ask, "method" | "request">): number | null {
  if (method !== "OPTIONS") return null;
  const field = request.headers.get("max-forwards") ?? "";
  return /^\d{1,15}$/.test(field) ? Number(field) : null;
}

function oneLess(ask: Ask): string | null {
  const field = ask.get("max-forwards");
  const left = forwardsLeft(ask);
  return field === null || left === null ? field : String(Math.max(0, left - 1));
}

const OF_CONNECTIONS = [
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"],
];

/** What makes a request malformed where messages say nothing of connections (RFC 9114 4.2). */
export function namesConnection(headers: Headers): boolean {
  if (OF_CONNECTIONS.some((name) => headers.has(name))) return true;
  const te = headers.get("te");
  return te !== null && te !== "trailers";
}

/** How the client asked. */
export function schemeOf({ tier, request }: Pick<Ask, "tier" | "request">): "http" | "https" {
  return tier?.mark.scheme ?? (request.url.startsWith("https:") ? "https" : "http");
}
