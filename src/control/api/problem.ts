import { Fault } from "../../base/fault.ts";
import type { FaultCode } from "../../base/fault-codes.ts";
import type { Log } from "../../base/log.ts";
import type { Problem } from "../../base/result.ts";
import type { ProblemDetails } from "../../model/api/mod.ts";

const STATUS: Partial<Record<FaultCode, number>> = {
  "bad-input": 422,
  "not-signed-in": 401,
  "not-allowed": 403,
  "not-found": 404,
  conflict: 409,
  "changed-since": 412,
  "snapshot-missing": 409,
  "too-many-requests": 429,
  "store-busy": 503,
  "store-full": 507,
  "store-corrupt": 503,
  "bus-timeout": 503,
  "bus-no-responder": 503,
};

/** Headers of every answer of the API: never kept by anybody, never taken for something else. */
export const API_HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Any failure as problem details (RFC 9457). Only public words leave: causes and details of bugs
 * and of the store go to the log.
 */
export function problemResponse(error: unknown, log: Log): Response {
  if (!(error instanceof Fault)) {
    log.error("A request failed by a bug of ours", { error, stack: (error as Error)?.stack });
    return respond(500, { title: "This is a bug of ours", code: "bug", problems: [] });
  }
  const status = STATUS[error.code] ?? 500;
  if (status >= 500) log.error("A request failed", { error });
  const client = error.source === "client";
  const detail = client && error.message !== error.publicWords ? { detail: error.message } : {};
  const { code, problems } = error;
  const headers: Record<string, string> = {};
  if (status === 429 && typeof error.cause === "number") {
    headers["retry-after"] = String(error.cause);
  }
  if (status === 401) headers["www-authenticate"] = "Bearer";
  return respond(status, { title: error.publicWords, code, problems, ...detail }, headers);
}

function respond(
  status: number,
  words: { title: string; code: string; problems: readonly Problem[]; detail?: string },
  headers: Record<string, string> = {},
): Response {
  const problems = words.problems.map((p) => ({ ...p }));
  const body: ProblemDetails = { type: "about:blank", status, ...words, problems };
  return Response.json(body, {
    status,
    headers: { ...API_HEADERS, ...headers, "content-type": "application/problem+json" },
  });
}
