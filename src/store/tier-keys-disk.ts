import { z } from "zod";
import type { TierKeySet } from "../model/tiers.ts";
import type { CopyKind } from "./sealed-copy.ts";

/** The keys of caches among themselves, as control or a cache keeps them. */
export const TIER_KEYS_COPY: CopyKind<TierKeySet> = {
  name: "keys of caches among themselves",
  shape: z.object({
    digest: z.string(),
    keys: z.array(z.object({ madeMs: z.number(), secret: z.string() })),
  }),
};
