import { z } from "zod";

export const purgeCreate = z.strictObject({
  path: z
    .string()
    .max(8192)
    .regex(/^\/[\x21-\x7e]*$/, { message: "expected a path with its query, such as /logo.png" }),
});

export const purgeParams = z.object({ number: z.coerce.number().int().min(1) });

export const purgeNumber = z.object({ number: z.int() }).meta({ id: "PurgeNumber" });

/** Where a purge stands: done when `missing` is empty. */
export const purgeView = z
  .object({
    purge: z.object({
      number: z.int(),
      atMs: z.number(),
      customer: z.string(),
      site: z.string(),
      path: z.string(),
    }),
    acks: z.array(z.object({ node: z.string(), atMs: z.number() })),
    missing: z.array(z.string()).meta({ description: "Caches that have not yet acknowledged it" }),
  })
  .meta({ id: "PurgeView" });
export type PurgeView = z.infer<typeof purgeView>;
