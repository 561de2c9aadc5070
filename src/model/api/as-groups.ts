import { z } from "zod";
import { asNumber, prefix } from "../names.ts";
import { changed } from "./customer.ts";
import { route } from "./route.ts";

/** All systems together; a name server holds 100,000 client prefixes with ease. */
export const AS_PREFIXES_MAX = 200_000;

export const asGroupsPut = z.strictObject({
  systems: z
    .array(
      z.strictObject({
        as: asNumber.nullable().meta({
          description: "Null: prefixes within those of others that belong to none listed",
        }),
        prefixes: z.array(prefix).min(1).max(AS_PREFIXES_MAX),
      }),
    )
    .max(20_000)
    .refine((all) => new Set(all.map(({ as }) => as)).size === all.length, {
      message: "expected each autonomous system once",
    })
    .refine((all) => all.reduce((n, { prefixes }) => n + prefixes.length, 0) <= AS_PREFIXES_MAX, {
      message: `expected at most ${AS_PREFIXES_MAX} prefixes`,
    }),
  dryRun: z.boolean().default(false),
});

export const asGroupsDone = changed.extend({
  groups: z.int().meta({ description: "Client groups of autonomous systems now" }),
  left: z
    .int()
    .meta({ description: "Prefixes that lie in the operator's own groups, which go first" }),
});

/** Client groups made of a table of prefixes and autonomous systems. */
export const asGroupRoutes = {
  putAsGroups: route({
    method: "put",
    path: "/network/as-groups",
    access: "operator",
    status: 200,
    summary: "Make one client group for each of these autonomous systems, in place of those before",
    body: asGroupsPut,
    reply: asGroupsDone,
  }),
} as const;
