import { z } from "zod";
import { slug } from "./names.ts";

/** Whom the caches of a pop ask for what they do not hold; web servers where it does not say. */
export const tiersOfPop = {
  parent: slug.optional().meta({
    description: "The pop whose caches are asked before any web server",
  }),
  tier: z.literal("inside").optional().meta({
    description: "The pop fetches each object once: its other caches ask the one that a hash names",
  }),
};

/** How caches reach each other; by HTTP where it does not say. */
export const tiers = z.strictObject({
  tls: z.boolean().default(false).meta({
    description: "By HTTPS at ports.https: each shows a certificate of c.<zone>, which is checked",
  }),
  ca: z
    .string()
    .max(100_000)
    .regex(/^\s*-----BEGIN CERTIFICATE-----/, { message: "expected certificates in PEM" })
    .optional()
    .meta({ description: "Authorities of these certificates, in place of the public ones" }),
});
export type Tiers = z.infer<typeof tiers>;

/**
 * By what caches know each other's requests. Made by control and given to caches alone: never in a
 * snapshot, a log or an answer of the API.
 */
export interface TierKey {
  readonly madeMs: number;
  /** 32 bytes, in base64. */
  readonly secret: string;
}

export interface TierKeySet {
  /** Changes when anything in `keys` does. */
  readonly digest: string;
  /** The newest last; all are believed. */
  readonly keys: readonly TierKey[];
}
