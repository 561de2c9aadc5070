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
  name: slug.meta({ description: "What nodes and other pops call it" }),
  title: z.string().max(80).optional().meta({ description: "What people call it" }),
  lat: z
    .number()
    .min(-90)
    .max(90)
    .optional()
    .meta({ description: "Where it is, in degrees north" }),
  lon: z.number().min(-180).max(180).optional().meta({ description: "In degrees east" }),
  ...tiersOfPop,
});
export type Pop = z.infer<typeof pop>;

export const nodeRole = z.enum(["dns", "edge", "probe", "control"]);
export type NodeRole = z.infer<typeof nodeRole>;

/** One machine of ours, with its public addresses. */
export const node = z.strictObject({
  name: slug.meta({ description: "As its node file has it" }),
  pop: slug.meta({ description: "The pop it stands in" }),
  roles: z.array(nodeRole).min(1).meta({ description: "As its node file has them" }),
  addresses: z
    .strictObject({
      v4: ipv4.optional().meta({ description: "Its public IPv4 address" }),
      v6: ipv6.optional().meta({ description: "Its public IPv6 address" }),
    })
    .refine((a) => a.v4 !== undefined || a.v6 !== undefined, {
      message: "expected at least one address: v4 or v6",
    })
    .meta({ description: "At least one" }),
  capacity: z.number().positive().default(1000).meta({
    description: "Demand in lookups per second at which its cache is at load 1",
  }),
  state: forcedState.default("auto").meta({
    description: "Overrules what is measured of its cache; drain sends nobody new",
  }),
  until: forcedUntil.optional().meta({ description: "When `state` ends; else it stays" }),
  limitMs: z.int().min(10).max(60_000).default(500).meta({
    description: "Response time of its cache, in ms, that counts as load 1",
  }),
  measure: z
    .strictObject({
      exporter: httpUrl.optional().meta({ description: "A node_exporter's /metrics" }),
      ftp: hostPort
        .optional()
        .meta({ description: "An FTP server to check, such as 192.0.2.10:21" }),
      snmp: snmpAgent.optional().meta({ description: "An SNMP agent on the machine to ask" }),
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
  name: slug.meta({ description: "What steering rules and explain call it" }),
  title: z.string().max(80).optional().meta({ description: "What people call it" }),
  prefixes: z.array(prefix).min(1).meta({ description: "Its clients; the longest prefix counts" }),
  resolver: hostPort.optional().meta({
    description: "A name server in that network which probes may ask, to measure latency",
  }),
  rttMs: z.record(slug, z.number().min(0)).default({}).meta({
    description: "Known round-trip times by pop, used until one is measured",
  }),
  as: asNumber.optional().meta({ description: "The autonomous system that its clients are in" }),
  tags: z.array(slug).max(20).optional().meta({ description: "Words that steering rules name" }),
  country: country.optional().meta({ description: "Where its clients are, for rules of sites" }),
  lat: z.number().min(-90).max(90).optional().meta({
    description: "Where its clients are, in degrees north",
  }),
  lon: z.number().min(-180).max(180).optional().meta({ description: "In degrees east" }),
});
export type ClientGroup = z.infer<typeof clientGroup>;

export const member = z.strictObject({
  email: z.email({ message: "expected an e-mail address" }).meta({
    description: "What they sign in as",
  }),
  password: z
    .string()
    .min(8, { message: "expected at least 8 characters" })
    .max(200)
    .optional()
    .meta({
      description: "Of at least 8 characters; kept as a hash. Without it: the one that is there",
    }),
  role: z.enum(["owner", "editor", "viewer"]).default("owner").meta({
    description: "A viewer sees; an editor and an owner change as well",
  }),
});
export type Member = z.infer<typeof member>;

/** Who pays. */
export const customer = z.strictObject({
  name: slug.meta({ description: "Its short name" }),
  title: z.string().min(1).max(120).optional().meta({ description: "What invoices call it" }),
  plan: slug.meta({ description: "The price plan by which it is billed" }),
  members: z.array(member).default([]).meta({ description: "People who may sign in for it" }),
  addressWebhook: httpUrl.optional().meta({
    description:
      "Told the signed list of caches and probes whenever it changes, before they may ask",
  }),
  sites: z.array(site).default([]).meta({ description: "Its hostnames" }),
  zones: z.array(zone).default([]).meta({ description: "Zones that it hosts here" }),
});
export type Customer = z.infer<typeof customer>;

/** The public ports of our nodes. Standard ones unless it is a lab or the demo. */
export const networkPorts = z.strictObject({
  dns: port.default(53).meta({ description: "Of name servers" }),
  http: port.default(80).meta({ description: "Of caches" }),
  https: port.default(443).meta({ description: "Of caches, over TLS" }),
});

/** The network file: everything people ask for, declaratively (intent). */
export const network = z.strictObject({
  zone: hostname.meta({ description: "The network's own zone, such as cdn.example" }),
  dnssec: dnssec.optional(),
  contact: z.email().optional().meta({
    description: "In the SOA of our zones, and the authority's contact; default hostmaster@<zone>",
  }),
  acme: acme.optional().meta({ description: "Certificates that are obtained by themselves" }),
  ttlSec: z.int().min(0).max(86_400).default(20).meta({
    description: "How long resolvers may keep the address of a cache, in seconds",
  }),
  allowPrivateOrigins: z.boolean().default(false).meta({
    description: "Take web servers on loopback and private addresses: for labs",
  }),
  allowOriginRanges: z.array(prefix).default([]).meta({
    description: "Private ranges whose addresses web servers may have",
  }),
  ports: networkPorts.prefault({}).meta({
    description: "Where clients find name servers and caches; others than these in labs alone",
  }),
  clientGroups: z.array(clientGroup).default([]).meta({
    description: "Clients that are treated alike",
  }),
  tiers: tiers.optional().meta({ description: "How caches reach each other" }),
  pops: z.array(pop).default([]).meta({ description: "Places where nodes stand" }),
  nodes: z.array(node).default([]).meta({ description: "Machines of ours" }),
  plans: z.array(plan).default([]).meta({ description: "Price plans" }),
  customers: z.array(customer).default([]).meta({ description: "Who pays" }),
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
