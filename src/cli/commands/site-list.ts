import type { Command } from "commander";
import { listSites } from "./find-site.ts";
import { noun, table, verb } from "./verb.ts";

export function registerSiteList(program: Command): void {
  verb<{ readonly customer?: string }>(noun(program, "site", "Customers' host names"), {
    usage: "list",
    description: "Sites with their web servers and CNAME targets",
    examples: ["turnpike site list", "turnpike site list --customer shop"],
    options: [["--customer <name>", "only this customer's"]],
    run: async ({ api, flags, print }) => {
      const sites = await listSites(api, flags.customer);
      const cells = sites.map(({ customer, site, names, up }) => [
        site.hostname,
        customer,
        site.onboarding,
        site.front,
        `${up}/${site.origins.length}`,
        names.cname,
      ]);
      print(
        sites,
        table(["SITE", "CUSTOMER", "ONBOARDING", "FRONT", "UP", "CNAME"], cells, "No sites"),
      );
      return 0;
    },
  });
}
