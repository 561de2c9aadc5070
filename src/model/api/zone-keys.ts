import { z } from "zod";
import { hostname } from "../names.ts";

export const zoneKeysParams = z.object({ zone: hostname });

export const zoneRoll = z.strictObject({
  early: z.boolean().default(false).meta({
    description: "Do not wait until every resolver has let go of what it holds",
  }),
});

/** The public side of a signed zone's keys. */
export const zoneKeysView = z
  .object({
    zone: z.string(),
    ds: z.array(z.string()).meta({ description: "What the parent zone is to have" }),
    keys: z.array(
      z.object({
        tag: z.int(),
        algorithm: z.int(),
        state: z.enum(["prepared", "active", "retiring"]),
        since: z.string(),
        ds: z.string(),
      }),
    ),
    next: z.object({
      step: z.enum(["prepare", "activate", "retire"]),
      notBefore: z.string(),
    }),
  })
  .meta({ id: "ZoneKeys" });
export type ZoneKeysView = z.infer<typeof zoneKeysView>;
