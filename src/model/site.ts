import { z } from "zod";
import { dnssec, hostname, ipv4, port, proven } from "./names.ts";
import { origin } from "./origin.ts";
import { rules } from "./rules.ts";
import { siteCheck } from "./site-check.ts";
import { siteFetch } from "./site-fetch.ts";
import { siteLogs } from "./site-logs.ts";
import { steeringChain, steeringPreset } from "./steering.ts";
import { zoneRecord } from "./zone.ts";

const ms = (least: number, most: number, preset: number) =>
  z
    .int({ message: `expected milliseconds from ${least} to ${most}` })
    .min(least, { message: `expected milliseconds from ${least} to ${most}` })
    .max(most, { message: `expected milliseconds from ${least} to ${most}` })
    .default(preset);

/** One hostname of a customer and everything decided for it. */
export const site = z.strictObject({
  hostname,
  onboarding: z.enum(["delegation", "cname", "hosted"]).default("cname").meta({
    description: "How the name reaches us: NS delegation, CNAME to its target, or a hosted zone",
  }),
  dnssec: dnssec.optional(),
  proven: proven.optional(),
  front: z.enum(["servers", "caches"]).default("servers").meta({
    description: "What its own name is answered with: its web servers, or caches",
  }),
  scheme: z.enum(["http", "https"]).default("http").meta({
    description: "How its web servers are asked",
  }),
  port: port.optional().meta({ description: "Default 80, or 443 with https" }),
  ttlSec: z.int().min(0).max(86_400).default(20).meta({
    description: "How long resolvers may keep its address, in seconds",
  }),
  youngTtlSec: z.int().min(0).max(86_400).default(5).meta({
    description: "The same while the health of its web servers is young or falling",
  }),
  steering: z
    .strictObject({
      preset: steeringPreset.default("lowest-load").meta({
        description: "By what a web server is chosen; docs/steering.md",
      }),
      chain: steeringChain.optional().meta({
        description: "Filters one after the other, in place of the preset",
      }),
      margin: z.number().min(0).max(1).default(0.05).meta({
        description: "A client group keeps its server within this of the lowest load; 0 = strict",
      }),
      allDown: z.enum(["all", "none"]).default("all").meta({
        description: "What is answered when no web server can be used: all of them, or no address",
      }),
      fallback: ipv4.optional().meta({
        description: "An address that is answered in place of `allDown`, to who asks for IPv4",
      }),
    })
    .prefault({}),
  limitMs: ms(10, 60_000, 500).meta({ description: "Response time that counts as load 1" }),
  check: siteCheck.prefault({}).meta({ description: "How its web servers are checked" }),
  cache: z
    .strictObject({
      aliases: z.array(hostname).max(20).default([]).meta({
        description: "The customer's own names with a CNAME to <hostname>.<zone>",
      }),
      objectBytesMax: z.int().min(1).default(1_073_741_824).meta({
        description: "The largest body that caches keep, in bytes; larger ones are sent on",
      }),
    })
    .prefault({}),
  fetch: siteFetch.optional().meta({ description: "How caches ask its servers" }),
  logs: siteLogs.optional().meta({ description: "Where caches send what they logged of it" }),
  rules: rules.optional().meta({
    description: "What caches do with requests that match: keys, lifetimes, headers, access",
  }),
  origins: z.array(origin).max(100).default([]).meta({ description: "Its mirrored web servers" }),
  beacon: z.boolean().optional().meta({
    description: "Its pages may report how far the caches are: /.well-known/turnpike/beacon.js",
  }),
  records: z.array(zoneRecord).max(1000).optional().meta({
    description: "Other records of a delegated hostname and below it, such as TXT, MX and CAA",
  }),
});
export type Site = z.infer<typeof site>;
