import { join } from "node:path";
import { type NodeFile, nodeFile } from "../../model/node-file.ts";
import { ACCOUNTS, NODES, type Ports } from "./layout.ts";

/** The name of the machine that runs control and portal; no users ever reach it. */
export const CONTROL_NODE = "ctl";

/**
 * The node files of the demo's machines: three in their pops, and one for control. The first name
 * server also listens on 127.0.0.1, so that a `dig` without thinking works.
 */
export function nodeFiles(
  ports: Ports,
  dataDir: string,
  tls: { readonly cert: string; readonly key: string },
): readonly NodeFile[] {
  const machines = NODES.map((place, index) =>
    nodeFile.parse({
      name: place.name,
      data: join(dataDir, place.name),
      roles: [...place.roles],
      pop: place.pop,
      addresses: { v4: place.v4 },
      listen: {
        dns: [`${place.v4}:${ports.dns}`, ...(index === 0 ? [`127.0.0.1:${ports.dns}`] : [])],
        http: `${place.v4}:${ports.http}`,
        https: `${place.v4}:${ports.https}`,
      },
      tls,
      cache: { memoryMiB: 32, diskMiB: 128 },
    }),
  );
  const control = nodeFile.parse({
    name: CONTROL_NODE,
    data: join(dataDir, CONTROL_NODE),
    roles: ["control"],
    pop: "fra",
    listen: { control: `127.0.0.1:${ports.control}` },
    operator: ACCOUNTS.operator,
  });
  return [control, ...machines];
}
