import { z } from "zod";

export const simulate = z.strictObject({
  yaml: z.string().max(20_000_000).meta({ description: "The draft: a network file's text" }),
});

/** What a draft would do to clients, at the health of this moment. */
export const simulated = z
  .object({
    demand: z.enum(["recorded", "generated"]).meta({
      description: "Lookups of the last minutes; or one a second for each site and client group",
    }),
    names: z.array(
      z.object({
        name: z.string(),
        lookupsPerSec: z.number(),
        moved: z.number().meta({ description: "Share of lookups answered with another server" }),
      }),
    ),
    servers: z.array(
      z.object({
        id: z.string(),
        before: z.number().meta({ description: "Lookups per second" }),
        after: z.number(),
        loadBefore: z.number().nullable(),
        loadAfter: z.number().nullable(),
      }),
    ),
  })
  .meta({ id: "Simulated" });
export type Simulated = z.infer<typeof simulated>;
