import { z } from "zod";
import { WHY_NOT } from "../why-not.ts";
import { siteParams } from "./customer.ts";
import { route } from "./route.ts";

export const whyNotReply = z
  .object({
    sinceMs: z.number().meta({ description: "From then on it was counted: an hour at most" }),
    requests: z.number().meta({ description: "At all caches, by clients" }),
    hitRatio: z.number().nullable().meta({ description: "Null when there were no requests" }),
    reasons: z
      .array(
        z.object({
          reason: z
            .enum(WHY_NOT)
            .meta({ description: "As `turnpike why` and Cache-Status say it" }),
          requests: z.number(),
          share: z.number().meta({ description: "Of all requests, 0 to 1" }),
          gain: z
            .number()
            .nullable()
            .meta({
              description:
                "What the fix would add to the hit ratio, 0 to 1, were these answers asked for again " +
                "like all that is kept now; never above the share. Null where nothing is kept yet",
            }),
          means: z.string(),
          fix: z.string().nullable().meta({ description: "Null: it is as it is to be" }),
        }),
      )
      .meta({
        description: "The most frequent first; their requests and the hits are all requests",
      }),
  })
  .meta({ id: "WhyNot" });
export type WhyNotReply = z.infer<typeof whyNotReply>;

export const whyNotRoutes = {
  readWhyNot: route({
    method: "get",
    path: "/customers/{customer}/sites/{hostname}/why-not",
    access: "viewer",
    status: 200,
    summary: "Why requests of the last hour were no hits, and what to do about it",
    params: siteParams,
    reply: whyNotReply,
  }),
} as const;
