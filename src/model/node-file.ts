import { z } from "zod";
import { accessLog } from "./access-log.ts";
import { hostname, hostPort, ipv4, ipv6, prefix, slug } from "./names.ts";
import { nodeRole } from "./network.ts";
import { nodeConnections } from "./node-connections.ts";

const listenOn = z.union([hostPort.transform((one) => [one]), z.array(hostPort).min(1)]);

const perSec = z.int().min(1).max(1_000_000);

/** How the name server answers strangers; docs/name-server.md tells of each. */
const dnsAnswers = z
  .strictObject({
    nsid: z.string().max(63).optional().meta({
      description: "Told to who asks for the server's id; the node's name; empty: nothing",
    }),
    cookies: z
      .strictObject({
        enabled: z.boolean().default(true).meta({
          description: "Give cookies to who sends one, and do not limit who sends ours (RFC 7873)",
        }),
        secrets: z
          .array(
            z.string().regex(/^[0-9a-f]{32}$/i, {
              message: "expected 32 hexadecimal digits, such as `openssl rand -hex 16` prints",
            }),
          )
          .max(4)
          .default([])
          .meta({ description: "The first makes cookies, all are accepted; none: one per start" }),
        required: z.boolean().default(false).meta({
          description: "Who sends a cookie and none of ours gets BADCOOKIE and a new one",
        }),
      })
      .prefault({}),
    rateLimit: z
      .strictObject({
        enabled: z.boolean().default(true).meta({ description: "Limit at all" }),
        answersPerSec: perSec
          .default(1000)
          .meta({ description: "Answers with what was asked for" }),
        nxdomainPerSec: perSec
          .default(200)
          .meta({ description: "Answers that there is no such name" }),
        errorsPerSec: perSec.default(100).meta({ description: "Refused and malformed" }),
        slip: z.int().min(0).max(100).default(2).meta({
          description: "Of what is beyond, one in so many is sent truncated; 0: none",
        }),
        exempt: z.array(prefix).default(["127.0.0.0/8", "::1/128"]).meta({
          description: "Client prefixes without a limit",
        }),
      })
      .prefault({})
      .meta({ description: "Responses over UDP to one /24 or /56 without a cookie of ours" }),
    queryLog: z
      .strictObject({
        file: z.string().min(1).meta({ description: "Relative to the node file" }),
        each: z.int().min(1).default(1000).meta({ description: "One lookup of so many" }),
        maxMiB: z.int().min(1).default(100).meta({
          description: "Then it is kept as FILE.1 and begun anew",
        }),
      })
      .optional()
      .meta({ description: "Writes one lookup of `each` down, as JSON lines" }),
  })
  .prefault({});

/** The node file of `turnpike up --config`: one machine, what it runs and where it listens. */
export const nodeFile = z
  .strictObject({
    name: slug.meta({ description: "This node's name in the network file" }),
    data: z.string().min(1).default("./data").meta({
      description: "Folder for what lasts, relative to the node file",
    }),
    roles: z
      .array(nodeRole)
      .min(1)
      .default(["control", "dns", "edge", "probe"])
      .meta({ description: "What this machine runs: API and portal, name server, cache, probe" }),
    pop: slug.default("main").meta({ description: "The pop it stands in" }),
    addresses: z
      .strictObject({
        v4: ipv4.optional().meta({ description: "IPv4" }),
        v6: ipv6.optional().meta({ description: "IPv6" }),
      })
      .optional()
      .meta({
        description: "Its public addresses, for who reads the file: the network file's count",
      }),
    store: z.literal("sqlite").default("sqlite").meta({ description: "What keeps what lasts" }),
    bus: z.literal("local").default("local").meta({ description: "How its processes speak" }),
    listen: z
      .strictObject({
        dns: listenOn.prefault(["0.0.0.0:53"]).meta({ description: "DNS, over UDP and TCP" }),
        http: listenOn.prefault(["0.0.0.0:80"]).meta({ description: "The cache, plain" }),
        https: listenOn
          .optional()
          .meta({ description: "The cache, over TLS, such as 0.0.0.0:443" }),
        http3: z.boolean().default(false).meta({
          description: "HTTP/3 too, over UDP at the addresses and port of https (experimental)",
        }),
        dot: listenOn.optional().meta({
          description: "DNS over TLS, with the files of tls, such as 0.0.0.0:853",
        }),
        control: hostPort.default("127.0.0.1:8053").meta({ description: "API and portal" }),
        metrics: hostPort.optional().meta({
          description: "Prometheus text at /metrics, such as 127.0.0.1:9353",
        }),
      })
      .prefault({}),
    tls: z
      .strictObject({
        cert: z.string().min(1).meta({ description: "The certificate and those above it" }),
        key: z.string().min(1).meta({ description: "Its private key" }),
      })
      .optional()
      .meta({
        description: "PEM files for listen.https and listen.dot, relative to the node file",
      }),
    cache: z
      .strictObject({
        memoryMiB: z.int().min(1).default(256).meta({
          description: "The most that objects in memory and bodies on their way take, in MiB",
        }),
        diskMiB: z.int().min(0).default(4096).meta({
          description: "The most that objects on disk take, in MiB; 0: none are kept there",
        }),
        workers: z.int().min(1).max(64).default(1).meta({
          description: "Processes that share the ports and one disk, beside one that keeps it",
        }),
      })
      .prefault({}),
    connections: nodeConnections,
    doh: z
      .strictObject({
        host: hostname.meta({ description: "Queries go to https://<host>/dns-query" }),
      })
      .optional()
      .meta({ description: "DNS over HTTPS, on listen.https, of a node with dns and edge" }),
    resolvers: z.array(hostPort).min(1).max(8).optional().meta({
      description:
        "Asked for proofs of ownership and targets of aliases, such as 192.0.2.53:53; default the system's",
    }),
    places: z.array(z.string().min(1)).max(8).optional().meta({
      description: "MaxMind DB files (cities, countries, AS numbers): where client groups are",
    }),
    finishSec: z.int().min(0).max(300).default(5).meta({
      description: "How long requests under way may take when the cache is told to end",
    }),
    accessLog: accessLog.optional().meta({ description: "Requests to the cache, line by line" }),
    dnsWorkers: z.int().min(1).max(64).default(1).meta({
      description: "Threads for DNS over UDP; one a core where that is most of the work",
    }),
    dns: dnsAnswers,
    operator: z
      .strictObject({
        email: z.email().meta({ description: "What the operator signs in as" }),
        password: z.string().min(8).max(200).optional().meta({
          description: "Of at least 8 characters",
        }),
      })
      .prefault({ email: "operator@localhost.example" })
      .meta({ description: "The operator's account; without a password one is made and printed" }),
  })
  .refine((file) => file.listen.https === undefined || file.tls !== undefined, {
    message: "expected the PEM files of listen.https",
    path: ["tls"],
  })
  .refine((file) => !file.listen.http3 || file.listen.https !== undefined, {
    message: "expected listen.https, at whose port it listens",
    path: ["listen", "http3"],
  })
  .refine((file) => file.doh === undefined || file.listen.https !== undefined, {
    message: "expected listen.https, by which queries come",
    path: ["doh"],
  })
  .refine((file) => file.doh === undefined || ["dns", "edge"].every((r) => hasRole(file, r)), {
    message: "expected the roles dns and edge",
    path: ["doh"],
  })
  .refine(
    ({ cache, listen }) =>
      cache.workers === 1 ||
      [...listen.http, ...(listen.https ?? [])].every((where) => splitHostPort(where).port > 0),
    { message: "expected ports that several workers can share, not 0", path: ["listen"] },
  )
  .refine((file) => file.listen.dot === undefined || file.tls !== undefined, {
    message: "expected the PEM files of listen.dot",
    path: ["tls"],
  });
export type NodeFile = z.infer<typeof nodeFile>;

function hasRole(file: { readonly roles: readonly string[] }, role: string): boolean {
  return file.roles.includes(role);
}

/** `host:port` taken apart; an IPv6 host loses its brackets. */
export function splitHostPort(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}
