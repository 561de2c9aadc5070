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
  fetch: siteFetch.optional().meta({ description: "How caches ask its servers" }),
  logs: siteLogs.optional().meta({ description: "Where caches send what they logged of it" }),
  rules: rules.optional().meta({
    description: "What caches do with requests that match: keys, lifetimes, headers, access",
  }),
  origins: z.array(origin).max(100).default([]),
  beacon: z.boolean().optional().meta({
    description: "Its pages may report how far the caches are: /.well-known/turnpike/beacon.js",
  }),
  records: z.array(zoneRecord).max(1000).optional().meta({
    description: "Other records of a delegated hostname and below it, such as TXT, MX and CAA",
  }),
});
export type Site = z.infer<typeof site>;
