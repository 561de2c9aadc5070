import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Folder, OPERATOR } from "./turnpike.ts";

export const ZONE = "cdn.example";
export const HOSTNAME = "www.shop.example";
export const SITE = `/customers/shop/sites/${HOSTNAME}`;
export const PORTS = { dns: 5353, http: 8080, origin: 8081, control: 8053 } as const;

/** A node file with every role at one loopback address, over high ports. */
export function smallNode(o: {
  address: string;
  data: string;
  roles?: readonly string[];
}): Record<string, unknown> {
  return {
    name: "one",
    pop: "here",
    data: o.data,
    roles: o.roles ?? ["control", "dns", "edge", "probe"],
    addresses: { v4: o.address },
    listen: {
      dns: `${o.address}:${PORTS.dns}`,
      http: `${o.address}:${PORTS.http}`,
      control: `${o.address}:${PORTS.control}`,
    },
    cache: { memoryMiB: 16, diskMiB: 64 },
    operator: OPERATOR,
  };
}

/** One pop, one node, one customer with one site and the origins given. */
export function smallNetwork(o: {
  address: string;
  origins: readonly string[];
}): Record<string, unknown> {
  return {
    zone: ZONE,
    contact: "hostmaster@cdn.example",
    allowPrivateOrigins: true,
    ports: { dns: PORTS.dns, http: PORTS.http },
    pops: [{ name: "here" }],
    nodes: [
      {
        name: "one",
        pop: "here",
        roles: ["control", "dns", "edge", "probe"],
        addresses: { v4: o.address },
      },
    ],
    plans: [
      {
        name: "by-use",
        title: "By use",
        currency: "EUR",
        kind: "variable",
        rates: [{ unit: "gigabytes", tiers: [{ price: "0.10" }] }],
      },
    ],
    customers: [
      {
        name: "shop",
        plan: "by-use",
        sites: [
          {
            hostname: HOSTNAME,
            port: PORTS.origin,
            origins: o.origins.map((v4, index) => ({ name: `o${index + 1}`, v4 })),
          },
        ],
      },
    ],
  };
}

/** Writes the node file and returns the arguments that start it. */
export function upArgs(folder: Folder, name: string, node: Record<string, unknown>): string[] {
  return ["up", "--config", folder.file(`${name}.yaml`, node), "--log-level", "warn"];
}

/** The supervisor's children: control is the one that has the database under `data` open. */
export function childOf(supervisor: number, data: string, wanted: "control" | "node"): number {
  for (const name of readdirSync("/proc")) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (parent !== supervisor) continue;
      const open = readdirSync(`/proc/${name}/fd`).map((fd) => linkOf(`/proc/${name}/fd/${fd}`));
      const isControl = open.some((path) => path.startsWith(`${data}/control/`));
      if (isControl === (wanted === "control")) return Number(name);
    } catch {
      // It is no process, or has ended meanwhile.
    }
  }
  throw new Error(`The supervisor has no child for ${wanted}`);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
