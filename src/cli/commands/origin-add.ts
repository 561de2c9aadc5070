import type { Command } from "commander";
import type { z } from "zod";
import type { originPut, SiteView } from "../../model/api/mod.ts";
import { findSite, splitOrigin } from "./find-site.ts";
import { foundAt } from "./found-at.ts";
import { numberFlag } from "./number-flag.ts";
import { changedWords } from "./site-add.ts";
import { noun, verb } from "./verb.ts";

export interface OriginFlags {
  readonly v4?: string;
  readonly v6?: string;
  readonly host?: string;
  readonly port?: string;
  readonly weight?: string;
  readonly capacity?: string;
  readonly exporter?: string;
}

export function registerOriginAdd(program: Command): void {
  verb<OriginFlags>(noun(program, "origin", "Customers' mirrored web servers"), {
    usage: "add <origin>",
    description:
      "Add a web server, or change what is said here of the one of that name; it is published at once",
    examples: [
      "turnpike origin add www.shop.example/c --v4 192.0.2.12",
      "turnpike origin add www.shop.example/c --weight 2",
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
      const { customer, site } = await findSite(api, hostname);
      const body = originBody(
        flags,
        site.origins.find((one) => one.name === name),
      );
      const params = { customer, hostname: site.hostname, name };
      const changed = await api.call("putOrigin", { params, body });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}

type Origin = SiteView["site"]["origins"][number];

/** The server as it is to be: what the flags do not say stays as it was. */
export function originBody(flags: OriginFlags, before?: Origin): z.input<typeof originPut> {
  const { port, weight, capacity, exporter } = flags;
  const { name: _, ...had } = before ?? { name: "" };
  return {
    ...foundAt(had, flags),
    ...(port === undefined ? {} : { port: numberFlag("--port", port) }),
    ...(weight === undefined ? {} : { weight: numberFlag("--weight", weight) }),
    ...(capacity === undefined ? {} : { capacity: numberFlag("--capacity", capacity) }),
    ...(exporter === undefined ? {} : { exporter }),
  };
}
