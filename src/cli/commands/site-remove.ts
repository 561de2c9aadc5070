import type { Command } from "commander";
import { findSite } from "./find-site.ts";
import { changedWords } from "./site-add.ts";
import { noun, verb } from "./verb.ts";

export function registerSiteRemove(program: Command): void {
  verb(noun(program, "site", "Customers' host names"), {
    usage: "remove <hostname>",
    description: "Remove a site with its web servers and rules; it is published at once",
    examples: ["turnpike site remove www.shop.example"],
    run: async ({ api, args, print }) => {
      const { customer, site } = await findSite(api, args[0] ?? "");
      const params = { customer, hostname: site.hostname };
      const changed = await api.call("deleteSite", { params });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}
