import type { Command } from "commander";
import { findSite, splitOrigin } from "./find-site.ts";
import { changedWords } from "./site-add.ts";
import { noun, verb } from "./verb.ts";

export function registerOriginRemove(program: Command): void {
  verb(noun(program, "origin", "Customers' mirrored web servers"), {
    usage: "remove <origin>",
    description: "Remove a web server; it is published at once",
    examples: ["turnpike origin remove www.shop.example/c"],
    run: async ({ api, args, print }) => {
      const { hostname, name } = splitOrigin(args[0] ?? "");
      const { customer, site } = await findSite(api, hostname);
      const params = { customer, hostname: site.hostname, name };
      const changed = await api.call("deleteOrigin", { params });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}
