import { z } from "zod";
import type { Purge } from "../purge.ts";
import { customerParams, siteParams } from "./customer.ts";
import { route } from "./route.ts";

const purgePath = z
  .string()
  .max(8192)
  .regex(/^\/[\x21\x22\x24-\x7e]*$/, {
    message: "expected a path with its query and no fragment, such as /logo.png",
  });
const purgeTag = z
  .string()
  .max(1024)
  .regex(/^[\x21-\x2b\x2d-\x7e]+$/, { message: "expected one tag, such as product-17" });

export const purgeCreate = z
  .strictObject({
    path: purgePath.optional().meta({ description: "One URL, all its variants" }),
    prefix: purgePath.optional().meta({ description: "All whose path and query begin so" }),
    tag: purgeTag
      .optional()
      .meta({ description: "All with this tag, from Surrogate-Key, Cache-Tag and their kin" }),
    all: z.literal(true).optional().meta({ description: "Everything of the site" }),
    soft: z
      .boolean()
      .optional()
      .meta({ description: "Keep it, and ask the web servers before it is served again" }),
  })
  .refine(
    ({ path, prefix, tag, all }) =>
      [path, prefix, tag, all].filter((one) => one !== undefined).length === 1,
    { message: "expected one of path, prefix, tag and all" },
  );
export type PurgeCreate = z.infer<typeof purgeCreate>;

/** What the log keeps of an order. */
export function purgeTarget(order: PurgeCreate): Pick<Purge, "path" | "scope" | "soft"> {
  const soft = order.soft === true ? { soft: true } : {};
  if (order.prefix !== undefined) return { path: order.prefix, scope: "prefix", ...soft };
  if (order.tag !== undefined) return { path: order.tag, scope: "tag", ...soft };
  if (order.all === true) return { path: "/", scope: "site", ...soft };
  return { path: order.path ?? "/", ...soft };
}

export const purgeParams = z.object({ number: z.coerce.number().int().min(1) });

export const purgesQuery = z.object({
  before: z.coerce.number().int().min(1).optional().meta({ description: "Only older ones" }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

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
      scope: z.enum(["url", "prefix", "tag", "site"]).optional(),
      soft: z.boolean().optional(),
    }),
    acks: z.array(z.object({ node: z.string(), atMs: z.number() })),
    missing: z.array(z.string()).meta({ description: "Caches that have not yet acknowledged it" }),
    by: z.string().optional().meta({ description: "Who asked for it, in lists" }),
  })
  .meta({ id: "PurgeView" });
export type PurgeView = z.infer<typeof purgeView>;

export const purgeRoutes = {
  createPurge: route({
    method: "post",
    path: "/customers/{customer}/sites/{hostname}/purge",
    access: "editor",
    status: 201,
    summary: "Purge a URL, a prefix, a tag or a whole site from every cache",
    forPurge: true,
    params: siteParams,
    body: purgeCreate,
    reply: purgeNumber,
  }),
  listPurges: route({
    method: "get",
    path: "/customers/{customer}/sites/{hostname}/purges",
    access: "viewer",
    status: 200,
    summary: "The last purges of a site, newest first, with the caches that acknowledged each",
    params: siteParams,
    query: purgesQuery,
    reply: z.array(purgeView),
  }),
  listCustomerPurges: route({
    method: "get",
    path: "/customers/{customer}/purges",
    access: "viewer",
    status: 200,
    summary: "The same of all of a customer's sites",
    params: customerParams,
    query: purgesQuery,
    reply: z.array(purgeView),
  }),
  readPurge: route({
    method: "get",
    path: "/purges/{number}",
    access: "signed-in",
    status: 200,
    summary: "Which caches have acknowledged a purge",
    forPurge: true,
    params: purgeParams,
    reply: purgeView,
  }),
} as const;
