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
