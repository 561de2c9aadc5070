import { Fault } from "../../base/fault.ts";
import type { Auth } from "../auth.ts";
import { type Caller, NOBODY } from "../caller.ts";

/**
 * The session cookie. Over https its name binds it to this very host (`__Host-`, RFC 6265bis
 * 4.1.3.2); over plain http, as on loopback, browsers would refuse that name.
 */
const COOKIE = "turnpike";
const HOST_COOKIE = "__Host-turnpike";

const METHODS_THAT_READ = new Set(["GET", "HEAD"]);

/** Who calls. A token wins over a cookie. */
export async function callerOf(auth: Auth, request: Request): Promise<Caller> {
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    return token === undefined ? NOBODY : auth.byToken(token);
  }
  const cookie = readCookie(request);
  return cookie === null ? NOBODY : auth.bySession(cookie);
}

/**
 * Refuses what another site's page may have sent (cross-site request forgery): a browser that
 * holds our cookie says where a change comes from. Callers with a token send no cookie and pass.
 *
 * @throws Fault `not-allowed`
 */
export function refuseForgery(request: Request, caller: Caller): void {
  if (METHODS_THAT_READ.has(request.method) || caller.via === "token") return;
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  const foreign = origin !== null && !sameHost(origin, request.headers.get("host"));
  if (foreign || (site !== null && site !== "same-origin" && site !== "none")) {
    throw new Fault("not-allowed", "the request comes from another site");
  }
  if (caller.via === "session" && origin === null && site === null) {
    throw new Fault("not-allowed", "with a session cookie, Origin or Sec-Fetch-Site is needed");
  }
}

function sameHost(origin: string, host: string | null): boolean {
  return host !== null && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

export function sessionCookie(request: Request, secret: string): string {
  const head = isHttps(request) ? `${HOST_COOKIE}=${secret}; Secure` : `${COOKIE}=${secret}`;
  return `${head}; Path=/; HttpOnly; SameSite=Strict`;
}

export function endedCookie(request: Request): string {
  return `${sessionCookie(request, "")}; Max-Age=0`;
}

function readCookie(request: Request): string | null {
  const name = isHttps(request) ? HOST_COOKIE : COOKIE;
  for (const part of (request.headers.get("cookie") ?? "").split(";")) {
    const [key, value] = part.trim().split("=", 2);
    if (key === name && value !== undefined && value !== "") return value;
  }
  return null;
}

/** A proxy in front says so; whoever lies only makes the own cookie stricter. */
function isHttps(request: Request): boolean {
  return request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https";
}
