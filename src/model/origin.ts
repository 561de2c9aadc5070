import { z } from "zod";
import { hostname, httpUrl, ipv4, ipv6, port, slug } from "./names.ts";
import { heldPaths } from "./site-fetch.ts";

/** An operator's or customer's word that overrides what was measured. */
export const forcedState = z.enum(["auto", "up", "down", "drain"]);
export type ForcedState = z.infer<typeof forcedState>;

/** When such a word ends. */
export const forcedUntil = z.iso
  .datetime({ offset: true, message: "expected a time such as 2026-12-01T18:00:00Z" })
  .meta({ examples: ["2026-12-01T18:00:00Z"] });

/**
 * The word that holds at a time, ms since 1970: one that has ended is none.
 *
 * @example forcedAt({ forced: "drain", forcedUntilMs: 5 }, 5) // "auto"
 */
export function forcedAt(
  o: { readonly forced: ForcedState; readonly forcedUntilMs?: number },
  atMs: number,
): ForcedState {
  return o.forcedUntilMs !== undefined && atMs >= o.forcedUntilMs ? "auto" : o.forced;
}

const snmpPassword = z
  .string()
  .min(8, { message: "expected at least 8 characters (RFC 3414 11.2)" })
  .max(128);

/** A user of SNMP version 3 (RFC 3414): always authenticated, encrypted with a `privPassword`. */
export const snmpUser = z.strictObject({
  user: z.string().min(1).max(32).meta({ description: "The user's name" }),
  auth: z.enum(["sha", "sha256", "sha512"]).default("sha256").meta({
    description: "By which hash it is authenticated",
  }),
  authPassword: snmpPassword.meta({ description: "Of at least 8 characters" }),
  privPassword: snmpPassword.optional().meta({ description: "Encrypts by AES-128" }),
});
export type SnmpUser = z.infer<typeof snmpUser>;

/** An SNMP agent on the machine itself: CPU and memory are read from it. Version 2c, or 3. */
export const snmpAgent = z.strictObject({
  community: z.string().min(1).max(64).default("public").meta({ description: "Of version 2c" }),
  port: port.default(161).meta({ description: "Its port, over UDP" }),
  v3: snmpUser.optional().meta({ description: "Asks by version 3 in place of 2c" }),
});
export type SnmpAgent = z.infer<typeof snmpAgent>;

/** The fields of an origin, without the rule that it needs an address. */
export const originFields = z.strictObject({
  name: slug.meta({ description: "What steering and explain call it" }),
  v4: ipv4.optional().meta({ description: "Its IPv4 address" }),
  v6: ipv6.optional().meta({ description: "Its IPv6 address" }),
  host: hostname.optional().meta({
    description:
      "In place of addresses: a name that leads to it, looked up again when its TTL ends",
  }),
  port: port.optional().meta({ description: "Only if it differs from the site's" }),
  weight: z
    .number({ message: "expected a number from 0 to 100" })
    .min(0, { message: "expected a number from 0 to 100" })
    .max(100, { message: "expected a number from 0 to 100" })
    .default(1)
    .meta({
      description: "Multiplies capacity under lowest-load; 0 takes it out while another is left",
    }),
  capacity: z
    .number({ message: "expected lookups per second, above 0" })
    .positive({ message: "expected lookups per second, above 0" })
    .default(1000)
    .meta({ description: "Demand in lookups per second at which the server is at load 1" }),
  state: forcedState.default("auto").meta({
    description: "Overrules what is measured; drain sends nobody new",
  }),
  until: forcedUntil.optional().meta({ description: "When `state` ends; else it stays" }),
  pop: slug
    .optional()
    .meta({ description: "The pop it stands near: latency to it is taken for it" }),
  lat: z.number().min(-90).max(90).optional().meta({
    description: "Where it is, in degrees north; default: where its pop is",
  }),
  lon: z.number().min(-180).max(180).optional().meta({ description: "In degrees east" }),
  exporter: httpUrl.optional().meta({ description: "A node_exporter's /metrics to scrape" }),
  loadUrl: httpUrl.optional().meta({
    description: "A load object to fetch, JSON or XML: current, target and maximum load",
  }),
  snmp: snmpAgent.optional().meta({ description: "An SNMP agent on the server to ask" }),
  paths: heldPaths.optional().meta({
    description: "It holds what begins so and nothing else; caches ask it for no more",
  }),
  connectionsMax: z
    .int({ message: "expected a number from 1 to 10000" })
    .min(1, { message: "expected a number from 1 to 10000" })
    .max(10_000, { message: "expected a number from 1 to 10000" })
    .optional()
    .meta({ description: "Requests that each cache may have open with it at once; default 512" }),
  ftpPort: port.optional().meta({ description: "Check FTP here, if the site checks FTP" }),
});

/** It is told where a server is, in one of two ways. */
export function isFound(o: Pick<z.infer<typeof originFields>, "v4" | "v6" | "host">): boolean {
  return (o.v4 !== undefined || o.v6 !== undefined) === (o.host === undefined);
}
export const NOT_FOUND_WORDS = {
  message: "expected at least one address, v4 or v6, or a host name in place of both",
  path: ["v4"],
};

/** One of the customer's mirrored web servers. */
export const origin = originFields.refine(isFound, NOT_FOUND_WORDS);
export type Origin = z.infer<typeof origin>;
