import { z } from "zod";
import { slug } from "../names.ts";
import { forcedState, forcedUntil } from "../origin.ts";
import { changed } from "./customer.ts";
import { nodeView } from "./live.ts";
import { route } from "./route.ts";

export const nodePatch = z
  .strictObject({
    state: forcedState,
    until: forcedUntil.optional().meta({ description: "When `state` ends; else it stays" }),
  })
  .refine((o) => o.until === undefined || o.state !== "auto", {
    message: "expected a state to end: up, down or drain",
    path: ["until"],
  });

/** The machines of the network, and what the operator overrules of one. */
export const nodeRoutes = {
  listNodes: route({
    method: "get",
    path: "/nodes",
    access: "operator",
    status: 200,
    summary: "Nodes with health, load and traffic",
    reply: z.array(nodeView),
  }),
  patchNode: route({
    method: "patch",
    path: "/nodes/{name}",
    access: "operator",
    status: 200,
    summary: "Overrule what is measured of a node: up, down, drain, or auto to end that",
    params: z.object({ name: slug }),
    body: nodePatch,
    reply: changed,
  }),
} as const;
