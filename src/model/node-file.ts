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
        enabled: z.boolean().default(true),
        secrets: z
          .array(
            z.string().regex(/^[0-9a-f]{32}$/i, {
              message: "expected 32 hexadecimal digits, such as `openssl rand -hex 16` prints",
            }),
          )
          .max(4)
          .default([])
          .meta({ description: "The first makes cookies, all are accepted; none: one per start" }),
        required: z.boolean().default(false),
      })
      .prefault({}),
    rateLimit: z
      .strictObject({
        enabled: z.boolean().default(true),
        answersPerSec: perSec.default(1000),
        nxdomainPerSec: perSec.default(200),
        errorsPerSec: perSec.default(100),
        slip: z.int().min(0).max(100).default(2),
        exempt: z.array(prefix).default(["127.0.0.0/8", "::1/128"]),
      })
      .prefault({})
      .meta({ description: "Responses over UDP to one /24 or /56 without a cookie of ours" }),
    queryLog: z
      .strictObject({
        file: z.string().min(1),
        each: z.int().min(1).default(1000),
        maxMiB: z.int().min(1).default(100),
      })
      .optional()
      .meta({ description: "Writes one lookup of `each` down, as JSON lines" }),
  })
  .prefault({});

/** The node file of `turnpike up --config`: one machine, what it runs and where it listens. */
export const nodeFile = z
  .strictObject({
    name: slug.meta({ description: "This node's name in the network file" }),
    data: z.string().min(1).default("./data").meta({ description: "Folder for what lasts" }),
    roles: z.array(nodeRole).min(1).default(["control", "dns", "edge", "probe"]),
    pop: slug.default("main"),
    addresses: z.strictObject({ v4: ipv4.optional(), v6: ipv6.optional() }).optional(),
    store: z.literal("sqlite").default("sqlite"),
    bus: z.literal("local").default("local"),
    listen: z
      .strictObject({
        dns: listenOn.prefault(["0.0.0.0:53"]),
        http: listenOn.prefault(["0.0.0.0:80"]),
        https: listenOn.optional(),
        http3: z.boolean().default(false).meta({
          description: "HTTP/3 too, over UDP at the addresses and port of https (experimental)",
        }),
        dot: listenOn.optional().meta({ description: "DNS over TLS, with the files of tls" }),
        control: hostPort.default("127.0.0.1:8053"),
        metrics: hostPort.optional().meta({ description: "Prometheus text at /metrics" }),
      })
      .prefault({}),
    tls: z
      .strictObject({ cert: z.string().min(1), key: z.string().min(1) })
      .optional()
      .meta({ description: "PEM files for listen.https and listen.dot" }),
    cache: z
      .strictObject({
        memoryMiB: z.int().min(1).default(256),
        diskMiB: z.int().min(0).default(4096),
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
      description: "Asked for proofs of ownership and targets of aliases; default the system's",
    }),
    places: z.array(z.string().min(1)).max(8).optional().meta({
      description: "MaxMind DB files (cities, countries, AS numbers): where client groups are",
    }),
    finishSec: z.int().min(0).max(300).default(5).meta({
      description: "How long requests under way may take when the cache is told to end",
    }),
    accessLog: accessLog.optional().meta({ description: "Requests to the cache, line by line" }),
    dnsWorkers: z.int().min(1).max(64).default(1),
    dns: dnsAnswers,
    operator: z
      .strictObject({ email: z.email(), password: z.string().min(8).max(200).optional() })
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
