import { z } from "zod";
import { FETCH_DEFAULT } from "./fetch-default.ts";
import { siteCredentials } from "./site-credentials.ts";

const MOVES_ON = "expected statuses from 400 to 599, or 5xx";

/** How caches ask the web servers of a site for what they do not hold. */
export const siteFetch = z.strictObject({
  moveOn: z
    .array(z.union([z.int().min(400).max(599), z.literal("5xx")], { message: MOVES_ON }))
    .max(50)
    .default([...FETCH_DEFAULT.moveOn])
    .meta({ description: "Answers after which the next server is asked, as after none" }),
  ca: z
    .string()
    .max(100_000)
    .regex(/^\s*-----BEGIN CERTIFICATE-----/, { message: "expected certificates in PEM" })
    .optional()
    .meta({ description: "Authorities of its servers' certificates, in place of the public ones" }),
  webSockets: z.boolean().optional().meta({
    description: "WebSockets to its first address go through to its servers (front: caches)",
  }),
  hedge: z
    .union([z.literal("p95"), z.int().min(10).max(10_000)], {
      message: "expected p95, or milliseconds from 10 to 10000",
    })
    .optional()
    .meta({
      description:
        "Ask a second server where the first has not answered by then; 1 fetch in 20 at most",
    }),
  ...siteCredentials,
  tiers: z.boolean().optional().meta({
    description: "false: its objects are fetched from its servers by each cache itself",
  }),
  attempts: z.int().min(1).max(3).default(FETCH_DEFAULT.attempts).meta({
    description: "Servers asked for one request",
  }),
});
export type SiteFetch = z.infer<typeof siteFetch>;

/** What a site that says nothing has; snapshots of before have none. */
export const DEFAULT_FETCH: SiteFetch = siteFetch.parse({});

/** Path prefixes that a server holds. */
export const heldPaths = z
  .array(z.string().regex(/^\/[\x21-\x7e]{0,500}$/, { message: "expected a path such as /video/" }))
  .min(1)
  .max(100);
