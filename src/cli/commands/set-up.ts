import type { Command } from "commander";
import type { SetUp } from "../../model/api/mod.ts";
import { findSite } from "./find-site.ts";
import { findZone } from "./find-zone.ts";
import { noun, table, verb } from "./verb.ts";

/** `site check` and `zone check`: whether the world's DNS leads to us. */
export function registerSetUpChecks(program: Command): void {
  verb(noun(program, "site", "Customers' host names"), {
    usage: "check <hostname>",
    description: "Look whether the site's names lead to us; exits 1 while something is missing",
    examples: ["turnpike site check www.shop.example"],
    run: async ({ api, args, print }) => {
      const { customer, site } = await findSite(api, args[0] ?? "");
      const params = { customer, hostname: site.hostname };
      const found = await api.call("checkSite", { params });
      print(found, setUpWords(found));
      return found.ready ? 0 : 1;
    },
  });
  verb(noun(program, "zone", "Zones that customers host, and delegated hostnames"), {
    usage: "check <zone>",
    description: "Look whether the zone is delegated to us; exits 1 while it is not",
    examples: ["turnpike zone check shop.example"],
    run: async ({ api, args, print }) => {
      const found = await api.call("checkZone", { params: await findZone(api, args[0] ?? "") });
      print(found, setUpWords(found));
      return found.ready ? 0 : 1;
    },
  });
}

function setUpWords({ name, ready, checks }: SetUp): string[] {
  return [
    ready ? `${name} leads here` : `${name} does not yet lead here`,
    "",
    ...table(
      ["NAME", "TYPE", "STATE", "EXPECTED", "SEEN", "WHAT TO DO"],
      checks.map((check) => [
        check.name,
        check.type,
        check.state,
        check.expected.join(" "),
        check.seen.join(" ") || "-",
        check.words,
      ]),
    ),
  ];
}
