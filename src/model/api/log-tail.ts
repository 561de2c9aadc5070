import { z } from "zod";
import { siteParams } from "./customer.ts";
import { route } from "./route.ts";

export const logTailQuery = z.object({
  after: z.string().max(40).optional().meta({
    description: "`next` of the answer before; left out: from now on",
  }),
  waitMs: z.coerce.number().int().min(0).max(10_000).default(5_000).meta({
    description: "How long to wait for a line where there is none yet",
  }),
});

export const logTail = z
  .object({
    next: z.string(),
    lines: z.array(z.object({ node: z.string(), line: z.string() })).meta({
      description: "As caches wrote them, JSON, 1,000 at most",
    }),
    dropped: z.int().meta({
      description: "Lines left out since the answer before: more came than a tail may hold",
    }),
  })
  .meta({ id: "LogTail" });
export type LogTailView = z.infer<typeof logTail>;

/** The lines of a site's log as caches write them: asked again and again with what came last. */
export const logTailRoutes = {
  tailLog: route({
    method: "get",
    path: "/customers/{customer}/sites/{hostname}/log",
    access: "editor",
    status: 200,
    summary: "Follow the log of a site at all caches; it begins with the first call",
    params: siteParams,
    query: logTailQuery,
    reply: logTail,
  }),
} as const;
