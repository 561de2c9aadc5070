import { z } from "zod";
import { acme } from "./acme.ts";
import {
  asNumber,
  dnssec,
  hostname,
  hostPort,
  httpUrl,
  ipv4,
  ipv6,
  port,
  prefix,
  slug,
} from "./names.ts";
import { forcedState, forcedUntil, snmpAgent } from "./origin.ts";
import { plan } from "./plan.ts";
import { country } from "./rules.ts";
import { site } from "./site.ts";
import { policyTest } from "./steering.ts";
import { tiers, tiersOfPop } from "./tiers.ts";
import { zone } from "./zone.ts";

/** A place where nodes stand. */
export const pop = z.strictObject({
  name: slug,
  title: z.string().max(80).optional(),
  lat: z.number().min(-90).max(90).optional(),
  lon: z.number().min(-180).max(180).optional(),
  ...tiersOfPop,
});
export type Pop = z.infer<typeof pop>;

export const nodeRole = z.enum(["dns", "edge", "probe", "control"]);
export type NodeRole = z.infer<typeof nodeRole>;

/** One machine of ours, with its public addresses. */
export const node = z.strictObject({
  name: slug,
  pop: slug,
  roles: z.array(nodeRole).min(1),
  addresses: z
    .strictObject({ v4: ipv4.optional(), v6: ipv6.optional() })
    .refine((a) => a.v4 !== undefined || a.v6 !== undefined, {
      message: "expected at least one address: v4 or v6",
    }),
  capacity: z.number().positive().default(1000).meta({
    description: "Demand in lookups per second at which its cache is at load 1",
  }),
  state: forcedState.default("auto"),
  until: forcedUntil.optional().meta({ description: "When `state` ends; else it stays" }),
  limitMs: z.int().min(10).max(60_000).default(500),
  measure: z
    .strictObject({
      exporter: httpUrl.optional(),
      ftp: hostPort.optional(),
      snmp: snmpAgent.optional(),
      connectionsMax: z.int().min(1).optional().meta({
        description: "Client connections at which the cache is at load 1",
      }),
      bytesPerSecMax: z.int().min(1).optional().meta({
        description: "Bytes sent per second at which the cache is at load 1",
      }),
    })
    .prefault({})
    .meta({ description: "What probes scrape and check besides the cache's HTTP response" }),
});
export type Node = z.infer<typeof node>;

/** Client prefixes that are treated alike, and how far they are from each pop. */
export const clientGroup = z.strictObject({
  name: slug,
  title: z.string().max(80).optional(),
  prefixes: z.array(prefix).min(1),
  resolver: hostPort.optional().meta({
    description: "A name server in that network which probes may ask, to measure latency",
  }),
  rttMs: z.record(slug, z.number().min(0)).default({}).meta({
    description: "Known round-trip times by pop, used until one is measured",
  }),
  as: asNumber.optional().meta({ description: "The autonomous system that its clients are in" }),
  tags: z.array(slug).max(20).optional().meta({ description: "Words that steering rules name" }),
  country: country.optional().meta({ description: "Where its clients are, for rules of sites" }),
  lat: z.number().min(-90).max(90).optional().meta({ description: "Where its clients are" }),
  lon: z.number().min(-180).max(180).optional(),
});
export type ClientGroup = z.infer<typeof clientGroup>;

export const member = z.strictObject({
  email: z.email({ message: "expected an e-mail address" }),
  password: z.string().min(8, { message: "expected at least 8 characters" }).max(200).optional(),
  role: z.enum(["owner", "editor", "viewer"]).default("owner"),
});
export type Member = z.infer<typeof member>;

/** Who pays. */
export const customer = z.strictObject({
  name: slug,
  title: z.string().min(1).max(120).optional(),
  plan: slug,
  members: z.array(member).default([]),
  addressWebhook: httpUrl.optional().meta({
    description:
      "Told the signed list of caches and probes whenever it changes, before they may ask",
  }),
  sites: z.array(site).default([]),
  zones: z.array(zone).default([]),
});
export type Customer = z.infer<typeof customer>;

/** The public ports of our nodes. Standard ones unless it is a lab or the demo. */
export const networkPorts = z.strictObject({
  dns: port.default(53),
  http: port.default(80),
  https: port.default(443),
});

/** The network file: everything people ask for, declaratively (intent). */
export const network = z.strictObject({
  zone: hostname.meta({ description: "The network's own zone, such as cdn.example" }),
  dnssec: dnssec.optional(),
  contact: z.email().optional(),
  acme: acme.optional(),
  ttlSec: z.int().min(0).max(86_400).default(20),
  allowPrivateOrigins: z.boolean().default(false),
  allowOriginRanges: z.array(prefix).default([]),
  ports: networkPorts.prefault({}),
  clientGroups: z.array(clientGroup).default([]),
  tiers: tiers.optional().meta({ description: "How caches reach each other" }),
  pops: z.array(pop).default([]),
  nodes: z.array(node).default([]),
  plans: z.array(plan).default([]),
  customers: z.array(customer).default([]),
  tests: z.array(policyTest).max(1000).optional().meta({
    description: "What must hold: tried on every publish, which a failing one refuses",
  }),
});
/** A parsed network file: every default filled in. */
export type Network = z.infer<typeof network>;

/** Intent as stored: the network file plus what the control plane assigns. */
export interface Intent {
  readonly network: Network;
  /** Version of the intent; goes up by one with every change. */
  readonly version: number;
  /** hostname -> 32 hex digits (128 random bits): the CNAME target `<target>.gtm.<zone>`. */
  readonly targets: Readonly<Record<string, string>>;
}
