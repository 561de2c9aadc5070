import type { Clock } from "../base/clock.ts";
import { placeOf } from "./app/routes.ts";
import { type BuiltApp, type BuiltFile, buildApp } from "./build.ts";
import { pageHtml } from "./page-html.ts";

export type PortalHandler = (request: Request) => Promise<Response | null>;

/** Paths that belong to the control role: the portal has no word on them. */
const NOT_OURS = /^\/(api|healthz|metrics)(\/|$)/;
/** RFC 9111 5.2.2.2; names carry a hash of their content, so a year without asking is right. */
const FOR_EVER = "public, max-age=31536000, immutable";

const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/**
 * Serves the browser application: the page at every address of `routes.ts`, its files under
 * `/assets/`. Null for a path that is not its own. `app` is a build made ahead; without it the
 * application is built here, once.
 */
export async function portalHandler(o: {
  readonly clock: Clock;
  readonly app?: BuiltApp;
}): Promise<PortalHandler> {
  const app = o.app ?? (await buildApp());
  const files = new Map(app.files.map((file) => [file.name, file]));
  const builtAt = new Date(o.clock.wallMs()).toUTCString();
  return async (request) => {
    const path = new URL(request.url).pathname;
    if (NOT_OURS.test(path)) return null;
    if (request.method !== "GET" && request.method !== "HEAD") {
      return plain(405, "Only GET and HEAD here\n", { allow: "GET, HEAD" });
    }
    if (path === "/favicon.ico") return plain(404, "No such file\n");
    if (!path.startsWith("/assets/")) return page(app, placeOf(path) === null ? 404 : 200);
    const file = files.get(path.slice("/assets/".length));
    if (file === undefined) return plain(404, "No such file\n");
    return asset(file, request.headers, builtAt);
  };
}

function plain(status: number, words: string, headers: Readonly<Record<string, string>> = {}) {
  return new Response(words, {
    status,
    headers: { ...COMMON_HEADERS, "content-type": "text/plain; charset=utf-8", ...headers },
  });
}

function asset(file: BuiltFile, asked: Headers, builtAt: string): Response {
  // Weak: both encodings carry it (RFC 9110 8.8.3.3). The name holds a hash of the content.
  const etag = `W/"${file.name}"`;
  const headers: Record<string, string> = {
    ...COMMON_HEADERS,
    "content-type": file.type,
    "cache-control": FOR_EVER,
    etag,
    "last-modified": builtAt,
    vary: "accept-encoding",
  };
  if ((asked.get("if-none-match") ?? "").includes(`"${file.name}"`))
    return new Response(null, { status: 304, headers });
  if (!acceptsGzip(asked.get("accept-encoding"))) return new Response(file.bytes, { headers });
  return new Response(file.gzip, { headers: { ...headers, "content-encoding": "gzip" } });
}

/** RFC 9110 12.5.3: named, or covered by `*`, and not with weight 0. */
function acceptsGzip(header: string | null): boolean {
  const codings = new Map<string, number>();
  for (const part of (header ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    const q = parameters.find((text) => text.startsWith("q="));
    codings.set(name, q === undefined ? 1 : Number(q.slice(2)));
  }
  return (codings.get("gzip") ?? codings.get("*") ?? 0) > 0;
}

/** The page carries a nonce of its own, so it is never stored. */
function page(app: BuiltApp, status: 200 | 404): Response {
  const nonce = crypto.getRandomValues(new Uint8Array(18)).toBase64();
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return new Response(pageHtml({ nonce, script: app.script, style: app.style }), {
    status,
    headers: {
      ...COMMON_HEADERS,
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": policy.join("; "),
      "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
      "x-frame-options": "DENY",
    },
  });
}
