import { z } from "zod";
import { slug } from "./names.ts";

/** Money as a decimal string: never a float. Parsed to micros (1e-6 of the currency) as bigint. */
export const amount = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,6})?$/, { message: 'expected a decimal amount in quotes: "12.50"' })
  .meta({ examples: ["12.50"] });

/** What can be metered and rated. */
export const meteredUnit = z.enum(["gigabytes", "million-requests", "million-queries"]);
export type MeteredUnit = z.infer<typeof meteredUnit>;

/** Price per unit beyond `included`; tiers are graduated, `upTo` in units, the last without. */
const rate = z.strictObject({
  unit: meteredUnit.meta({ description: "What is metered" }),
  included: z.number().min(0).default(0).meta({ description: "How many cost nothing each month" }),
  tiers: z
    .array(
      z.strictObject({
        upTo: z.number().positive().optional().meta({
          description: "Up to how many of a month's units; the last has none",
        }),
        price: amount.meta({ description: "Of one unit within it" }),
      }),
    )
    .min(1)
    .meta({ description: "Graduated: each unit costs what its own tier says" }),
});

const head = {
  name: slug.meta({ description: "What customers' `plan` calls it" }),
  title: z.string().min(1).max(120).meta({ description: "What invoices call it" }),
  currency: z.enum(["EUR", "USD"]).meta({ description: "Of all its prices" }),
};
const monthly = amount.meta({ description: "The fee of each month" });
const once = amount.meta({ description: "The fee, asked for once" });
const rates = z.array(rate).meta({ description: "What usage costs" });

/** The four kinds of fee: fixed, variable, lump sum, subscription. */
export const plan = z.discriminatedUnion("kind", [
  z.strictObject({ ...head, kind: z.literal("fixed"), monthly }),
  z.strictObject({ ...head, kind: z.literal("variable"), rates: rates.min(1) }),
  z.strictObject({ ...head, kind: z.literal("lump-sum"), once }),
  z.strictObject({
    ...head,
    kind: z.literal("subscription"),
    monthly,
    rates: rates.default([]),
  }),
]);
export type Plan = z.infer<typeof plan>;
