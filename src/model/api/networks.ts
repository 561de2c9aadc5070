import { z } from "zod";
import { changed } from "./customer.ts";
import { route } from "./route.ts";

export const measuredNetwork = z
  .object({
    prefix: z.string().meta({ description: "A /24 or a /48" }),
    group: z.string().meta({ description: "The client group that it is in; `default`: none" }),
    samples: z.int().meta({ description: "Connections, of the caches that told last" }),
    pops: z.array(
      z.object({
        pop: z.string(),
        rttMs: z.number().meta({ description: "The kernel's round trip, smoothed" }),
        ageSec: z.number(),
      }),
    ),
  })
  .meta({ id: "MeasuredNetwork" });
export type MeasuredNetworkView = z.infer<typeof measuredNetwork>;

export const measuredGroupsPut = z.strictObject({
  largest: z.int().min(0).max(20_000).default(1_000).meta({
    description: "Groups of measured networks, those of before among them; 0 ends all of them",
  }),
  dryRun: z.boolean().default(false),
});

/** Networks of clients that are in no group, as caches measured them. */
export const networkRoutes = {
  listMeasured: route({
    method: "get",
    path: "/network/measured",
    access: "operator",
    status: 200,
    summary: "Networks (/24, /48) of clients that were in no group, and how far they are from pops",
    reply: z.array(measuredNetwork),
  }),
  putMeasuredGroups: route({
    method: "put",
    path: "/network/measured-groups",
    access: "operator",
    status: 200,
    summary: "Make client groups of the measured networks with most connections",
    body: measuredGroupsPut,
    reply: changed.extend({
      groups: z.int().meta({ description: "Client groups of measured networks now" }),
    }),
  }),
} as const;
