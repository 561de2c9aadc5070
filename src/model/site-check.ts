import { z } from "zod";
import { hostname, port } from "./names.ts";

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

const status = z.int().min(100).max(599);

/** What a probe writes itself: a second one would change where a request ends or whom it asks. */
const OWN_FIELDS = /^(host|connection|content-length|transfer-encoding|upgrade|expect|te)$/i;

const requestHeaders = z
  .record(
    z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, { message: "expected a field name" }),
    z.string().regex(/^[\x20-\x7e\t]{0,1024}$/, {
      message: "expected up to 1024 printable ASCII characters",
    }),
  )
  .refine((fields) => Object.keys(fields).length <= 20, {
    message: "expected at most 20 fields",
  })
  .refine((fields) => !Object.keys(fields).some((name) => OWN_FIELDS.test(name)), {
    message: "expected no field that the probe writes itself (Host has an option of its own)",
  });

const httpCheck = z.strictObject({
  path: z
    .string()
    .regex(/^\/[\x21-\x7e]*$/, { message: "expected a path such as /health" })
    .meta({ description: "What to ask for", examples: ["/health"] }),
  statusMin: status.default(200).meta({ description: "The lowest status that passes" }),
  statusMax: status.default(399).meta({ description: "The highest status that passes" }),
  statuses: z.array(status).min(1).max(50).optional().meta({
    description: "In place of the range: only these pass",
  }),
  method: z.enum(["GET", "HEAD"]).optional().meta({ description: "Default GET" }),
  version: z
    .union([z.literal(1), z.literal(2)])
    .optional()
    .meta({
      description: "2: HTTP/2, by ALPN with https and by prior knowledge with http; default 1",
    }),
  headers: requestHeaders.optional().meta({ description: "Further request fields" }),
  host: hostname.optional().meta({
    description: "Host and TLS server name to ask for; default: the site's hostname",
  }),
  bodyHas: z.string().min(1).max(200).optional().meta({
    description: "Text that must stand in the first 256 KiB of the body",
  }),
});

const dnsCheck = z.strictObject({
  name: hostname.meta({ description: "The name to ask for" }),
  type: z.enum(["A", "AAAA", "NS", "SOA", "TXT", "CNAME"]).default("A").meta({
    description: "The type to ask for",
  }),
  port: port.default(53).meta({ description: "Where the server answers" }),
  expect: z.string().min(1).max(253).optional().meta({
    description: "An address or name that must be among the answers",
  }),
});

/** How a site's servers are checked. At least one kind; HTTP unless told otherwise. */
export const siteCheck = z.strictObject({
  intervalMs: ms(1000, 300_000, 1000).meta({ description: "From one check to the next, in ms" }),
  timeoutMs: ms(100, 60_000, 900).meta({ description: "How long one may take, in ms" }),
  fall: count(2).meta({ description: "Failures in a row before a server is down" }),
  rise: count(3).meta({ description: "Successes in a row before it is up again" }),
  http: httpCheck.nullable().prefault({ path: "/" }).meta({
    description: "An HTTP request; null: none",
  }),
  tcp: z.boolean().default(false).meta({ description: "A TCP connection" }),
  ftp: z
    .strictObject({
      user: z.string().max(64).default("anonymous").meta({ description: "Whom to sign in as" }),
      password: z.string().max(64).default("turnpike@").meta({ description: "With what" }),
      path: z.string().max(255).optional().meta({ description: "A file to retrieve" }),
    })
    .nullable()
    .default(null)
    .meta({ description: "An FTP session; null: none" }),
  tls: z
    .strictObject({
      port: port.optional().meta({ description: "Default: the server's own" }),
      serverName: hostname.optional().meta({ description: "Default: the site's hostname" }),
    })
    .optional()
    .meta({ description: "A TLS handshake with a certificate that fits the name" }),
  dns: dnsCheck.optional().meta({ description: "A DNS query to the server itself" }),
  icmp: z.boolean().optional().meta({
    description: "An ICMP echo; by TCP where a probe's machine forbids ping",
  }),
  certificateDays: z.int().min(0).max(365).optional().meta({
    description: "Warn when a certificate ends within so many days; default 14",
  }),
});
export type SiteCheck = z.infer<typeof siteCheck>;
