import { z } from "zod";
import { slug } from "./names.ts";

/** Money as a decimal string: never a float. Parsed to micros (1e-6 of the currency) as bigint. */
export const amount = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,6})?$/, { message: 'expected a decimal amount in quotes: "12.50"' });

/** What can be metered and rated. */
export const meteredUnit = z.enum(["gigabytes", "million-requests", "million-queries"]);
export type MeteredUnit = z.infer<typeof meteredUnit>;

/** Price per unit beyond `included`; tiers are graduated, `upTo` in units, the last without. */
const rate = z.strictObject({
  unit: meteredUnit,
  included: z.number().min(0).default(0),
  tiers: z.array(z.strictObject({ upTo: z.number().positive().optional(), price: amount })).min(1),
});

const head = { name: slug, title: z.string().min(1).max(120), currency: z.enum(["EUR", "USD"]) };

/** The four kinds of fee: fixed, variable, lump sum, subscription. */
export const plan = z.discriminatedUnion("kind", [
  z.strictObject({ ...head, kind: z.literal("fixed"), monthly: amount }),
  z.strictObject({ ...head, kind: z.literal("variable"), rates: z.array(rate).min(1) }),
  z.strictObject({ ...head, kind: z.literal("lump-sum"), once: amount }),
  z.strictObject({
    ...head,
    kind: z.literal("subscription"),
    monthly: amount,
    rates: z.array(rate).default([]),
  }),
]);
export type Plan = z.infer<typeof plan>;
