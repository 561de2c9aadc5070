/**
 * The API's contract: every route with its shapes and who may call it, as plain zod. The control
 * role serves it, the command line and the portal call it, and `/api/v1/openapi.json` is made
 * from it. No handler, no transport and no rule beyond shapes lives here.
 *
 * Times named `...At`, `at`, `from`, `to` are ISO 8601 in UTC; `...Ms` are milliseconds since the
 * Unix epoch. Errors are problem details (RFC 9457) with all problems at once.
 */

export * from "./addresses.ts";
export * from "./as-groups.ts";
export * from "./billing.ts";
export * from "./certificate.ts";
export * from "./claim.ts";
export * from "./credentials.ts";
export * from "./customer.ts";
export * from "./explain.ts";
export * from "./intent.ts";
export * from "./live.ts";
export * from "./load.ts";
export * from "./log-tail.ts";
export * from "./networks.ts";
export * from "./node.ts";
export * from "./obtained.ts";
export * from "./problem.ts";
export * from "./purge.ts";
export * from "./route.ts";
export * from "./routes.ts";
export * from "./session.ts";
export * from "./set-up.ts";
export * from "./signing-keys.ts";
export * from "./simulate.ts";
export * from "./who.ts";
export * from "./why.ts";
export * from "./why-not.ts";
export * from "./zone.ts";
export * from "./zone-extras.ts";
export * from "./zone-keys.ts";

/** Where the API is mounted. */
export const API_PREFIX = "/api/v1";
