import { z } from "zod";

const amount = z.number({ message: "expected a number from 0 up" }).min(0).max(1e15);

/** What a server's owner says of its load, in a unit of the owner's: load is current/target. */
export const loadPush = z
  .strictObject({
    current: amount,
    target: amount.optional().meta({ description: "What it should carry: load 1" }),
    maximum: amount.optional().meta({ description: "From here on it is full" }),
    ttlSec: z.int().min(1).max(3600).default(30).meta({
      description: "How long it counts unless a newer one comes",
    }),
  })
  .refine((o) => (o.target ?? o.maximum ?? 0) > 0 && o.target !== 0 && o.maximum !== 0, {
    message: "expected a target or a maximum above 0",
    path: ["target"],
  });

export const loadPushed = z
  .object({
    load: z.number().meta({ description: "0 idle, 1 at capacity" }),
    untilMs: z.number(),
  })
  .meta({ id: "LoadPushed" });
