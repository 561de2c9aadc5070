import type { ErrorPage } from "../../model/rules.ts";
import { noUsage } from "../../model/usage.ts";
import { cacheKey } from "../../policy/caching/mod.ts";
import { errorPageFor, fillPage } from "../../policy/rules/mod.ts";
import type { Fields } from "../cache/mod.ts";
import { type Ask, fieldsSeen } from "./ask.ts";
import { readBody } from "./body.ts";
import { noCounts } from "./count.ts";
import { countBytes } from "./deliver.ts";
import { formHeaders } from "./head.ts";
import { WHOLE_BYTES_MAX } from "./limits.ts";
import type { SiteEntry } from "./table.ts";

/** Counts of bytes that wait until it is known whether the body goes out. */
export interface HeldBack {
  readonly entry: SiteEntry;
  /** True: it goes out, all of it counts. False: another body takes its place. */
  settle(goesOut: boolean): void;
}

export function holdBack(entry: SiteEntry): HeldBack {
  const usage = holdingBack(entry.usage);
  const counts = holdingBack(entry.counts);
  return {
    entry: { ...entry, usage: usage.counter, counts: counts.counter },
    settle(goesOut) {
      usage.settle(goesOut);
      counts.settle(goesOut);
    },
  };
}

function holdingBack<T extends { bytesOut: number }>(real: T) {
  let settled = false;
  let bytes = 0;
  const counter = new Proxy(real, {
    get: (target, key) => (key === "bytesOut" && !settled ? bytes : Reflect.get(target, key)),
    set(target, key, value) {
      if (key !== "bytesOut" || settled) return Reflect.set(target, key, value);
      bytes = value;
      return true;
    },
  });
  const settle = (goesOut: boolean) => {
    if (!settled && goesOut) real.bytesOut += bytes;
    settled = true;
  };
  return { counter, settle };
}

/** Fields of the answer that say what is wrong; they stay. */
const KEPT = [
  ...["cache-status", "proxy-status", "retry-after", "www-authenticate", "allow"],
  "content-range",
];

/**
 * The answer in place of one with an error status: the rule's page, with that status. Its path is
 * asked for as any object is, so it is held when no server answers. Null: the rule has no page for
 * it, or the page cannot be had.
 */
export async function errorAnswer(
  response: Response,
  ask: Ask,
  o: { readonly node: string; readonly look: (ask: Ask) => Response | Promise<Response> },
): Promise<Response | null> {
  const pages = ask.ruled?.plan.errorPages?.is ?? [];
  const page = errorPageFor(pages, response.status);
  const body = page === null ? null : await bodyOf(page, { response, ask, look: o.look });
  if (body === null) return null;
  const fields = [...body.fields, ["cache-control", "no-store"] as const];
  const headers = formHeaders(fields, ask, o.node);
  for (const name of KEPT) {
    const value = response.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  await response.body?.cancel();
  if (ask.sent != null) Object.assign(ask.sent, { bytes: 0, streamed: false, held: 0 });
  const { status } = response;
  if (ask.method === "HEAD") {
    headers.set("content-length", String(body.bytes.byteLength));
    return new Response(null, { status, headers });
  }
  ask.ruled?.settle?.(false);
  countBytes(ask, body.bytes.byteLength);
  return new Response(body.bytes, { status, headers });
}

const HTML = "text/html; charset=utf-8";

async function bodyOf(
  page: ErrorPage,
  o: {
    readonly response: Response;
    readonly ask: Ask;
    readonly look: (ask: Ask) => Response | Promise<Response>;
  },
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly fields: Fields } | null> {
  const { response, ask, look } = o;
  if (page.html !== undefined) {
    const { status } = response;
    const words = STATUS_WORDS[status] ?? "";
    const html = fillPage(page.html, { status, words, host: ask.entry.hostname });
    return { bytes: new TextEncoder().encode(html), fields: [["content-type", HTML]] };
  }
  const alone = askFor(page.path ?? "/", ask);
  const found = await look(alone);
  ask.entry.usage.bytesIn += alone.entry.usage.bytesIn;
  const read = { wholeBytesMax: WHOLE_BYTES_MAX, contentLength: null, count: () => {} };
  const body = await readBody(found, read).catch(() => null);
  if (body?.kind === "large") await body.rest.cancel();
  if (found.status !== 200 || body?.kind !== "whole") return null;
  const { headers } = found;
  const type = ["content-type", headers.get("content-type") ?? HTML] as const;
  // Of what lies compressed at its server, whatever it is asked for: as it would come at its own address.
  const coding = headers.get("content-encoding");
  return {
    bytes: body.bytes,
    fields: coding === null ? [type] : [type, ["content-encoding", coding]],
  };
}

/** A request of our own for a page of the site: without any field of the client's, counted apart. */
function askFor(path: string, of: Ask): Ask {
  const { form, client } = of;
  const request = new Request(`http://${of.entry.hostname}${path}`);
  const counts = noCounts();
  const entry = { ...of.entry, usage: noUsage(), counts };
  const key = cacheKey({ customer: entry.customer, site: entry.hostname, path });
  const get = fieldsSeen({ form, request, client }, null);
  return { request, method: "GET", entry, form, path, key, flight: key, client, get, ruled: null };
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  410: "Gone",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};
