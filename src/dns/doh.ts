import {
  decodeMessage,
  FLAG,
  HEADER_BYTES,
  isWireFault,
  MESSAGE_BYTES_MAX,
  RCODE,
} from "../wire/dns/mod.ts";
import { familyOf, isMapped, parseAddress } from "../wire/ip/mod.ts";
import type { Responder } from "./hot/answer.ts";

const TYPE = "application/dns-message";
/** A query has no use for more: a name, an OPT record and padding. */
const QUERY_BYTES_MAX = 4096;
export const DOH_PATH = "/dns-query";

/**
 * Answers one message that came from this address; null where nothing is sent back. One that asks another
 * process throws where that is not there.
 */
export type AnswerDns = (
  query: Uint8Array,
  client: string,
) => Uint8Array | null | Promise<Uint8Array | null>;

/** As over DNS over TLS: whole, padded, by the main thread's responder. */
export function answerSecure(
  responder: Responder,
  query: Uint8Array,
  client: string,
): Uint8Array | null {
  const address = parseAddress(client.split("%")[0] ?? "");
  if (address === null) return null;
  const own = isMapped(address) ? address.subarray(12) : address;
  const where = { address: own, addressAt: 0, family: familyOf(own) };
  const by = { stream: true, secure: true, https: true };
  const packet = { bytes: query, length: query.length, ...where, ...by };
  const out = new Uint8Array(MESSAGE_BYTES_MAX);
  const size = responder.answer(packet, out);
  return size === 0 ? null : out.slice(0, size);
}

/** What an edge asks first: null for whatever is not a DNS query to this host. */
export function dohAt(
  host: string,
  answer: AnswerDns,
): (request: Request, client: string) => Promise<Response> | null {
  return (request, client) => {
    // Customers' hosts keep this path for themselves.
    if (!request.url.includes(DOH_PATH)) return null;
    const asked = (request.headers.get("host") ?? "").replace(/:\d+$/, "").toLowerCase();
    if (asked !== host || new URL(request.url).pathname !== DOH_PATH) return null;
    return answerDoh(request, client, answer);
  };
}

/**
 * DNS over HTTPS (RFC 8484): GET with `dns` in base64url and POST, of `application/dns-message`. How long
 * an answer is fresh is the least TTL in it, so that HTTP caches hold none too long.
 */
export async function answerDoh(
  request: Request,
  client: string,
  answer: AnswerDns,
): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD" && request.method !== "POST") {
    return refuse(405, "Ask by GET or POST", { allow: "GET, HEAD, POST" });
  }
  const query = request.method === "POST" ? await posted(request) : given(request);
  if (query instanceof Response) return query;
  let message: Uint8Array | null;
  try {
    message = await answer(query, client);
  } catch {
    return refuse(503, "The name server is not there", { "retry-after": "1" });
  }
  if (message === null) return refuse(400, "Not a DNS query");
  const headers = {
    "content-type": TYPE,
    "content-length": String(message.length),
    "cache-control": `max-age=${freshSec(message)}`,
  };
  const body = request.method === "HEAD" ? null : (message as Uint8Array<ArrayBuffer>);
  return new Response(body, { headers });
}

async function posted(request: Request): Promise<Uint8Array | Response> {
  const type = (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  const told = Number(request.headers.get("content-length") ?? "0");
  if (told > QUERY_BYTES_MAX) return refuse(413, "Too long for a query");
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > QUERY_BYTES_MAX) return refuse(413, "Too long for a query");
    parts.push(part);
  }
  // Said after the body was read: a stream that is answered before its end may be reset.
  if (type !== TYPE) return refuse(415, `Send ${TYPE}`);
  const query = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    query.set(part, at);
    at += part.length;
  }
  return size < HEADER_BYTES ? refuse(400, "Not a DNS query") : query;
}

function given(request: Request): Uint8Array | Response {
  const text = new URL(request.url).searchParams.get("dns") ?? "";
  if (text.length > (QUERY_BYTES_MAX * 4) / 3) return refuse(414, "Too long for a query");
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return refuse(400, "Give the query as dns=..., in base64url");
  const query = Uint8Array.from(Buffer.from(text, "base64url"));
  return query.length < HEADER_BYTES ? refuse(400, "Not a DNS query") : query;
}

/** RFC 8484 5.1: the least TTL of the answer; without one, what the SOA says of its absence. */
function freshSec(bytes: Uint8Array): number {
  const message = decodeMessage(bytes.length > MESSAGE_BYTES_MAX ? bytes.subarray(0, 0) : bytes);
  if (isWireFault(message) || (message.flags & FLAG.TRUNCATED) !== 0) return 0;
  if (message.rcode !== RCODE.NOERROR && message.rcode !== RCODE.NXDOMAIN) return 0;
  const least = (ttls: readonly number[]) => (ttls.length === 0 ? 0 : Math.min(...ttls));
  if (message.answers.length > 0) return least(message.answers.map((record) => record.ttlSec));
  return least(
    message.authorities.map(({ ttlSec, data }) => {
      return data.kind === "soa" ? Math.min(ttlSec, data.soa.minimumSec) : ttlSec;
    }),
  );
}

function refuse(status: number, words: string, more: Record<string, string> = {}): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return new Response(`${words}\n`, { status, headers: { ...headers, ...more } });
}
