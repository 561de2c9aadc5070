import type { Command } from "commander";
import { findSite, splitOrigin } from "./find-site.ts";
import { changedWords } from "./site-add.ts";
import { noun, verb } from "./verb.ts";

interface Flags {
  readonly v4?: string;
  readonly v6?: string;
  readonly host?: string;
  readonly port?: string;
  readonly weight?: string;
  readonly capacity?: string;
  readonly exporter?: string;
}

export function registerOriginAdd(program: Command): void {
  verb<Flags>(noun(program, "origin", "Customers' mirrored web servers"), {
    usage: "add <origin>",
    description: "Add a web server, or change the one of that name; it is published at once",
    examples: [
      "turnpike origin add www.shop.example/c --v4 192.0.2.12",
      "turnpike origin add www.shop.example/d --host web-4.shop.example",
      "turnpike origin add www.shop.example/c --v4 192.0.2.12 --weight 2 \\",
      "    --exporter http://192.0.2.12:9100/metrics",
    ],
    options: [
      ["--v4 <address>", "its IPv4 address"],
      ["--v6 <address>", "its IPv6 address"],
      ["--host <name>", "in place of addresses: a name that leads to it"],
      ["--port <port>", "only if it differs from the site's"],
      ["--weight <number>", "from 0 to 100; 1 if not given"],
      ["--capacity <number>", "lookups per second at which it is at load 1"],
      ["--exporter <url>", "a node_exporter's /metrics"],
    ],
    run: async ({ api, args, flags, print }) => {
      const { hostname, name } = splitOrigin(args[0] ?? "");
      const { customer } = await findSite(api, hostname);
      const { v4, v6, host, port, weight, capacity, exporter } = flags;
      const body = {
        ...(v4 === undefined ? {} : { v4 }),
        ...(v6 === undefined ? {} : { v6 }),
        ...(host === undefined ? {} : { host }),
        ...(port === undefined ? {} : { port: Number(port) }),
        ...(weight === undefined ? {} : { weight: Number(weight) }),
        ...(capacity === undefined ? {} : { capacity: Number(capacity) }),
        ...(exporter === undefined ? {} : { exporter }),
      };
      const changed = await api.call("putOrigin", { params: { customer, hostname, name }, body });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}
