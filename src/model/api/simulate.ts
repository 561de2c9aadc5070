import { z } from "zod";

export const simulate = z.strictObject({
  yaml: z.string().max(20_000_000).meta({ description: "The draft: a network file's text" }),
  at: z.iso.datetime({ offset: true }).optional().meta({
    description: "Health and lookups of a time of the last 24 hours, ISO 8601; now when left out",
  }),
  demand: z.enum(["auto", "recorded", "generated"]).default("auto").meta({
    description: "Recorded lookups, or one a second of each kind; auto: recorded if there are any",
  }),
});

const bill = z
  .object({
    plan: z.string(),
    amount: z.string().meta({ description: "Of a month, without what is paid once" }),
    currency: z.string(),
    bytesOut: z.number(),
    requests: z.number(),
    queries: z.number(),
  })
  .nullable();

/** What a draft would do to clients, at the health of one moment, and what it would cost. */
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
    customers: z
      .array(z.object({ customer: z.string(), before: bill, after: bill }))
      .meta({ description: "30 days like the last day's usage; null: not a customer then" }),
    usageHours: z.number().meta({ description: "How many hours of usage that is made from" }),
  })
  .meta({ id: "Simulated" });
export type Simulated = z.infer<typeof simulated>;
