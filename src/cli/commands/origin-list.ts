import type { Command } from "commander";
import type { Live } from "../../model/api/mod.ts";
import { findSite } from "./find-site.ts";
import { stateWords } from "./state-words.ts";
import { noun, table, verb } from "./verb.ts";

export function registerOriginList(program: Command): void {
  verb(noun(program, "origin", "Customers' mirrored web servers"), {
    usage: "list <hostname>",
    description: "A site's web servers with state, load and traffic",
    examples: ["turnpike origin list www.shop.example"],
    run: async ({ api, args, print }) => {
      const { customer, site } = await findSite(api, args[0] ?? "");
      const live = await api.call("readLive", { params: { customer, hostname: site.hostname } });
      print(live.origins, originTable(live));
      return 0;
    },
  });
}

/** A server that is named by its host name has that before its addresses, and what is wrong with it. */
function addressWords({ v4, v6, host, hostProblem }: Live["origins"][number]): string {
  const addresses = [v4, v6].filter((address) => address !== null).join(" ");
  if (host === undefined) return addresses;
  return `${host}: ${addresses}${hostProblem == null ? "" : ` (${hostProblem})`}`;
}

export function originTable({ origins }: Live): string[] {
  const heads = [
    "ORIGIN",
    "ADDRESS",
    "STATE",
    "LOAD",
    "FROM",
    "WEIGHT",
    "WANTED",
    "SHARE",
    "LOOKUPS/S",
  ];
  const cells = origins.map((o) => [
    o.name,
    addressWords(o),
    stateWords(o),
    o.load === null ? "-" : `${o.load.toFixed(3)}${o.loadKnown ? "" : "?"}`,
    o.loadFrom,
    o.weight,
    `${Math.round(o.wanted * 100)} %${o.correction === 1 ? "" : ` (x ${o.correction.toFixed(2)})`}`,
    `${Math.round(o.share * 100)} %`,
    o.lookupsPerSec.toFixed(1),
  ]);
  return table(heads, cells, "No web servers");
}
