import type { RuleCors } from "../../model/rules.ts";

type Fields = readonly (readonly [string, string])[];

/**
 * The fields that let a page of this web origin read the answer (Fetch standard, CORS protocol);
 * none where the rule does not name it. `vary` says whether they depend on who asks.
 *
 * @param origin the request's Origin field
 */
export function corsFields(cors: RuleCors, origin: string | null): Fields {
  const vary = cors.origins.includes("*") ? [] : [["vary", "Origin"] as const];
  const allowed = allowedOrigin(cors, origin);
  if (allowed === null) return vary;
  return [
    ["access-control-allow-origin", allowed],
    ...(cors.credentials ? [["access-control-allow-credentials", "true"] as const] : []),
    ...(cors.expose.length === 0
      ? []
      : [["access-control-expose-headers", cors.expose.join(", ")] as const]),
    ...vary,
  ];
}

/** What a preflight is answered, beside `corsFields`. */
export function preflightFields(cors: RuleCors): Fields {
  return [
    ["access-control-allow-methods", cors.methods.join(", ")],
    ...(cors.headers.length === 0
      ? []
      : [["access-control-allow-headers", cors.headers.join(", ")] as const]),
    ["access-control-max-age", String(cors.maxAgeSec)],
  ];
}

/** Fields that an origin's own answer to CORS is in: a rule takes their place. */
export const CORS_FIELDS: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-expose-headers",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-max-age",
]);

function allowedOrigin(cors: RuleCors, origin: string | null): string | null {
  if (cors.origins.includes("*")) return "*";
  if (origin === null || !/^https?:\/\/[a-z0-9.-]{1,253}(:\d{1,5})?$/.test(origin)) return null;
  return cors.origins.some((one) => covers(one, origin)) ? origin : null;
}

/** `https://*.shop.example` covers every name below it, of that scheme and port, and not itself. */
function covers(pattern: string, origin: string): boolean {
  const star = pattern.indexOf("*.");
  if (star < 0) return pattern === origin;
  const scheme = pattern.slice(0, star);
  const below = pattern.slice(star + 1);
  return (
    origin.startsWith(scheme) &&
    origin.endsWith(below) &&
    origin.length > scheme.length + below.length
  );
}
