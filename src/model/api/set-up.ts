import { z } from "zod";
import { hostname, slug } from "../names.ts";
import { route } from "./route.ts";

/** One record that the customer's DNS is to have, and what is there now. */
export const setUpCheck = z.object({
  name: z.string(),
  type: z.enum(["NS", "CNAME", "DS"]),
  expected: z.array(z.string()),
  seen: z.array(z.string()),
  state: z.enum(["right", "incomplete", "wrong", "missing", "unknown"]).meta({
    description: "Unknown: nobody answered when we looked",
  }),
  words: z.string().meta({ description: "What to do, or that nothing is" }),
});
export type SetUpCheck = z.infer<typeof setUpCheck>;

/** Whether the world's DNS leads a site's or a zone's names to us. */
export const setUp = z
  .object({
    name: z.string(),
    at: z.string(),
    ready: z.boolean().meta({ description: "All that must be there is right" }),
    checks: z.array(setUpCheck),
  })
  .meta({ id: "SetUp" });
export type SetUp = z.infer<typeof setUp>;

export const setUpRoutes = {
  checkSite: route({
    method: "get",
    path: "/customers/{customer}/sites/{hostname}/set-up",
    access: "viewer",
    status: 200,
    summary: "Look whether a site's names lead to us, and say what is still to be set",
    params: z.object({ customer: slug, hostname }),
    reply: setUp,
  }),
  checkZone: route({
    method: "get",
    path: "/customers/{customer}/zones/{zone}/set-up",
    access: "viewer",
    status: 200,
    summary: "Look whether a zone is delegated to us, and say what is still to be set",
    params: z.object({ customer: slug, zone: hostname }),
    reply: setUp,
  }),
} as const;
