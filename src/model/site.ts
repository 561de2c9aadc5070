import { z } from "zod";
import { dnssec, hostname, ipv4, port } from "./names.ts";
import { origin } from "./origin.ts";
import { steeringChain, steeringPreset } from "./steering.ts";

const ms = (least: number, most: number, preset: number) =>
  z
    .int({ message: `expected milliseconds from ${least} to ${most}` })
    .min(least, { message: `expected milliseconds from ${least} to ${most}` })
    .max(most, { message: `expected milliseconds from ${least} to ${most}` })
    .default(preset);

const count = (preset: number) =>
  z
    .int({ message: "expected a whole number from 1 to 10" })
    .min(1, { message: "expected a whole number from 1 to 10" })
    .max(10, { message: "expected a whole number from 1 to 10" })
    .default(preset);

  dnssec: dnssec.optional(),
/** How a site's servers are checked. At least one kind; HTTP unless told otherwise. */
export const siteCheck = z.strictObject({
  intervalMs: ms(1000, 300_000, 1000),
  timeoutMs: ms(100, 60_000, 900),
  fall: count(2).meta({ description: "Failures in a row before a server is down" }),
  rise: count(3).meta({ description: "Successes in a row before it is up again" }),
  http: z
    .strictObject({
      path: z.string().regex(/^\/[\x21-\x7e]*$/, { message: "expected a path such as /health" }),
      statusMin: z.int().min(100).max(599).default(200),
      statusMax: z.int().min(100).max(599).default(399),
    })
    .nullable()
    .prefault({ path: "/" }),
  tcp: z.boolean().default(false),
  ftp: z
    .strictObject({
      user: z.string().max(64).default("anonymous"),
      password: z.string().max(64).default("turnpike@"),
      path: z.string().max(255).optional().meta({ description: "A file to retrieve" }),
    })
    .nullable()
    .default(null),
});

/** One hostname of a customer and everything decided for it. */
export const site = z.strictObject({
  hostname,
  onboarding: z.enum(["delegation", "cname", "hosted"]).default("cname").meta({
    description: "How the name reaches us: NS delegation, CNAME to its target, or a hosted zone",
  }),
  front: z.enum(["servers", "caches"]).default("servers"),
  scheme: z.enum(["http", "https"]).default("http"),
  port: port.optional().meta({ description: "Default 80, or 443 with https" }),
  ttlSec: z.int().min(0).max(86_400).default(20),
  youngTtlSec: z.int().min(0).max(86_400).default(5),
  steering: z
    .strictObject({
      preset: steeringPreset.default("lowest-load"),
      chain: steeringChain.optional().meta({
        description: "Filters one after the other, in place of the preset",
      }),
      margin: z.number().min(0).max(1).default(0.05).meta({
        description: "A client group keeps its server within this of the lowest load; 0 = strict",
      }),
      allDown: z.enum(["all", "none"]).default("all"),
      fallback: ipv4.optional().meta({ description: "Answered when no server can be used" }),
    })
    .prefault({}),
  limitMs: ms(10, 60_000, 500).meta({ description: "Response time that counts as load 1" }),
  check: siteCheck.prefault({}),
  cache: z
    .strictObject({
      aliases: z.array(hostname).max(20).default([]).meta({
        description: "The customer's own names with a CNAME to <hostname>.<zone>",
      }),
      objectBytesMax: z.int().min(1).default(1_073_741_824),
    })
    .prefault({}),
  origins: z.array(origin).max(100).default([]),
});
export type Site = z.infer<typeof site>;
