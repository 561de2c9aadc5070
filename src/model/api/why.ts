import { z } from "zod";
import type { WhyHere } from "../why.ts";
import { route } from "./route.ts";

const why = z.strictObject({
  url: z.url({ protocol: /^https?$/, message: "expected an http or https address" }).max(8_192),
  method: z.enum(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]).default("GET"),
  client: z.union([z.ipv4(), z.ipv6()], { message: "expected an IP address" }).default("192.0.2.1"),
  fields: z
    .record(
      z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, { message: "expected a field name" }),
      z.string().regex(/^[\x20-\x7e]{0,4096}$/, { message: "expected printable ASCII" }),
    )
    .default({})
    .meta({ description: "Request fields" }),
});

const whyHere = z.object({
  verdict: z.enum(["answered", "hit", "stale", "miss", "pass"]),
  reason: z.string(),
  path: z.string().meta({ description: "As it is keyed and sent on" }),
  parts: z.array(z.object({ name: z.string(), value: z.string().nullable() })),
  rules: z.array(z.string()),
  decided: z.array(z.object({ setting: z.string(), rule: z.string() })),
  held: z
    .object({
      tier: z.enum(["memory", "disk"]),
      status: z.int(),
      bytes: z.int(),
      ageSec: z.int(),
      lifetimeSec: z.int(),
      from: z.string(),
    })
    .nullable(),
  parents: z.array(z.string()).exactOptional().meta({
    description: "Caches that would be asked before its web servers, in order",
  }),
}) satisfies z.ZodType<WhyHere>;

export const whyReply = z
  .object({
    site: z.string(),
    form: z.enum(["first", "host", "alias", "path"]),
    caches: z.array(z.object({ node: z.string(), here: whyHere.nullable() })),
    about: z
      .array(z.object({ reason: z.string(), means: z.string(), fix: z.string().nullable() }))
      .meta({
        description: "What the reasons mean, and what to do about them, where there is more to say",
      }),
    silent: z.array(z.string()).meta({ description: "Caches that did not answer in time" }),
  })
  .meta({ id: "Why" });
export type WhyReply = z.infer<typeof whyReply>;

export const whyRoutes = {
  why: route({
    method: "post",
    path: "/why",
    access: "signed-in",
    status: 200,
    summary: "What each cache would do with a request, by which rules, and why it is not a hit",
    body: why,
    reply: whyReply,
  }),
} as const;
