import { z } from "zod";

export const whoQuery = z.object({
  server: z.string().min(1).max(300).meta({
    description: "An origin, as `www.shop.example/eu-1`, or a node, as `fra-1` or `node/fra-1`",
  }),
  at: z.iso.datetime({ offset: true }).optional().meta({
    description: "A time of the last 24 hours, ISO 8601; now when left out",
  }),
  limit: z.coerce.number().int().min(1).max(20_000).default(1000).meta({
    description: "Client groups listed at most, those with most lookups first",
  }),
});

/** Every client group whose answer is this server, and why: the same functions that answer. */
export const who = z
  .object({
    server: z.string(),
    at: z.string().optional().meta({ description: "The time asked about; absent for now" }),
    snapshot: z.int(),
    health: z.int(),
    assignment: z.int(),
    name: z.string().meta({ description: "What is looked up: the site, or `c.<zone>`" }),
    demand: z.enum(["recorded", "alike"]).meta({
      description: "Shares are of the lookups of the minutes before; or each group counts alike",
    }),
    share: z.number().meta({ description: "Its part of all lookups of the name" }),
    groupsInAll: z.int(),
    groupsOfIt: z.int().meta({ description: "Client groups that are answered with it" }),
    groups: z.array(
      z.object({
        group: z.string(),
        share: z.number().meta({ description: "Of the group's own lookups" }),
        lookupsPerSec: z.number(),
        reason: z.string(),
        detail: z.string(),
      }),
    ),
    reasons: z
      .array(
        z.object({ filter: z.string(), reason: z.string(), groups: z.int(), share: z.number() }),
      )
      .meta({ description: "Each filter's verdicts on it, over all groups that get it" }),
    sites: z
      .object({ names: z.array(z.string()), held: z.int(), inAll: z.int() })
      .optional()
      .meta({
        description:
          "Of a cache with neighbours in its pop: sites whose own cache names are answered with it " +
          "there, at most `limit` of them named",
      }),
    missShare: z.number().nullable().meta({
      description: "Of an origin: its part of what caches fetch on a miss",
    }),
  })
  .meta({ id: "Who" });
export type WhoView = z.infer<typeof who>;
