import { z } from "zod";
import { prefix } from "./names.ts";

/** How many clients a cache has at once; docs/listening.md tells what happens beyond that. */
export const nodeConnections = z
  .strictObject({
    max: z.int().min(1).max(10_000_000).optional().meta({
      description:
        "TCP connections to listen.http and listen.https; 50000, or half of the files that a process may open",
    }),
    perClient: z.int().min(1).max(10_000_000).optional().meta({
      description: "Of these, of one IPv4 address or one /64 of IPv6; a tenth of max, 64 at least",
    }),
    exempt: z.array(prefix).max(64).default(["127.0.0.0/8", "::1/128"]).meta({
      description: "Clients that may have more than perClient; caches of the network may",
    }),
  })
  .prefault({})
  .meta({ description: "Connections of clients to the cache, all its processes together" });
export type NodeConnections = z.infer<typeof nodeConnections>;
