import { z } from "zod";
import { hostPort, ipv4, ipv6, slug } from "./names.ts";
import { nodeRole } from "./network.ts";

const listenOn = z.union([hostPort.transform((one) => [one]), z.array(hostPort).min(1)]);

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
        control: hostPort.default("127.0.0.1:8053"),
      })
      .prefault({}),
    tls: z
      .strictObject({ cert: z.string().min(1), key: z.string().min(1) })
      .optional()
      .meta({ description: "PEM files for listen.https" }),
    cache: z
      .strictObject({
        memoryMiB: z.int().min(1).default(256),
        diskMiB: z.int().min(0).default(4096),
      })
      .prefault({}),
    dnsWorkers: z.int().min(1).max(64).default(1),
    operator: z
      .strictObject({ email: z.email(), password: z.string().min(8).max(200).optional() })
      .prefault({ email: "operator@localhost.example" })
      .meta({ description: "The operator's account; without a password one is made and printed" }),
  })
  .refine((file) => file.listen.https === undefined || file.tls !== undefined, {
    message: "expected the PEM files of listen.https",
    path: ["tls"],
  });
export type NodeFile = z.infer<typeof nodeFile>;

/** `host:port` taken apart; an IPv6 host loses its brackets. */
export function splitHostPort(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}
