import { z } from "zod";

/** An https URL of the authority's own. */
const url = z
  .string()
  .max(2000)
  .regex(/^https:\/\/[^\s]+$/, { message: "expected an https URL" });
const token = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[A-Za-z0-9_-]+$/, { message: "expected base64url" });
const isoTime = z
  .string()
  .max(64)
  .transform((text, ctx): number => {
    const ms = Date.parse(text);
    if (Number.isFinite(ms)) return ms;
    ctx.addIssue({ code: "custom", message: "expected a time (RFC 3339)" });
    return z.NEVER;
  });

/** RFC 8555 7.1.1. */
export const directory = z.object({
  newNonce: url,
  newAccount: url,
  newOrder: url,
  revokeCert: url,
  renewalInfo: url.optional(),
  meta: z
    .object({
      termsOfService: z.string().max(2000).optional(),
      externalAccountRequired: z.boolean().optional(),
      caaIdentities: z.array(z.string().max(253)).max(50).optional(),
    })
    .optional(),
});
export type Directory = z.infer<typeof directory>;

const subproblem = z.object({
  type: z.string().max(500).optional(),
  detail: z.string().optional(),
});

/** RFC 7807, with the fields of RFC 8555 6.7. */
export const caProblem = z.object({
  type: z.string().max(500).default("about:blank"),
  detail: z.string().default(""),
  subproblems: z.array(subproblem).max(100).optional(),
});
export type CaProblem = z.infer<typeof caProblem>;

/** RFC 8555 7.1.3. */
export const order = z.object({
  status: z.enum(["pending", "ready", "processing", "valid", "invalid"]),
  identifiers: z.array(z.object({ type: z.string().max(20), value: z.string().max(300) })).max(100),
  authorizations: z.array(url).max(100),
  finalize: url,
  certificate: url.optional(),
  error: caProblem.optional(),
});
export type Order = z.infer<typeof order>;

export const challenge = z.object({
  type: z.string().max(50),
  url,
  status: z.enum(["pending", "processing", "valid", "invalid"]),
  token: token.optional(),
  error: caProblem.optional(),
});
export type CaChallenge = z.infer<typeof challenge>;

/** RFC 8555 7.1.4. */
export const authorization = z.object({
  status: z.enum(["pending", "valid", "invalid", "deactivated", "expired", "revoked"]),
  identifier: z.object({ type: z.string().max(20), value: z.string().max(300) }),
  challenges: z.array(challenge).max(50),
});
export type Authorization = z.infer<typeof authorization>;

/** RFC 8555 7.1.2. */
export const account = z.object({ status: z.enum(["valid", "deactivated", "revoked"]) });

/** RFC 9773 4.2; times in ms since the epoch. */
export const renewalInfo = z.object({
  suggestedWindow: z
    .object({ start: isoTime, end: isoTime })
    .refine(({ start, end }) => start < end, { message: "expected an end after the start" }),
});
export type RenewalInfo = z.infer<typeof renewalInfo>;

const URN = "urn:ietf:params:acme:error:";
const WORDS_MAX = 300;

/** The last part of a problem's type, such as `rateLimited`; "" where it is not one of ACME's. */
export function problemKind({ type }: CaProblem): string {
  return type.startsWith(URN) ? type.slice(URN.length) : "";
}

/** A problem in one line for a person, bounded, without control characters. */
export function problemWords(problem: CaProblem): string {
  const kind = problemKind(problem);
  const below = (problem.subproblems ?? []).map(({ detail }) => detail ?? "");
  const words = [problem.detail, ...below].filter((part) => part !== "").join("; ");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const plain = words.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  const whole = [kind, plain].filter((part) => part !== "").join(": ");
  return whole === "" ? "no reason given" : whole.slice(0, WORDS_MAX);
}

/**
 * Retry-After (RFC 9110 10.2.3) in ms from now, not below 0; null where there is none that can be read.
 */
export function retryAfterMs(field: string | null, nowMs: number): number | null {
  if (field === null) return null;
  if (/^\d{1,9}$/.test(field)) return Number(field) * 1000;
  const at = Date.parse(field);
  return Number.isFinite(at) ? Math.max(0, at - nowMs) : null;
}
