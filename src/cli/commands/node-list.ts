import type { Command } from "commander";
import { stateWords } from "./state-words.ts";
import { noun, table, verb } from "./verb.ts";

export function registerNodeList(program: Command): void {
  verb(noun(program, "node", "The network's machines"), {
    usage: "list",
    description: "Nodes with health, load and traffic",
    examples: ["turnpike node list"],
    run: async ({ api, print }) => {
      const nodes = await api.call("listNodes");
      const tiers = nodes.some((n) => n.tierRequestsPerSec !== undefined);
      const cells = nodes.map((n) => [
        n.name,
        n.pop,
        n.roles.join(","),
        [n.v4, n.v6].filter((address) => address !== null).join(" "),
        stateWords(n),
        n.load === null ? "-" : `${n.load.toFixed(3)}${n.loadKnown ? "" : "?"}`,
        n.loadFrom,
        n.snapshot,
        n.lookupsPerSec.toFixed(1),
        n.requestsPerSec.toFixed(1),
        n.hitRatio === null ? "-" : `${Math.round(n.hitRatio * 100)} %`,
        ...(tiers ? [n.tier ?? n.parent, n.tierRequestsPerSec?.toFixed(1)] : []),
      ]);
      const heads = ["NODE", "POP", "ROLES", "ADDRESS", "STATE", "LOAD", "FROM", "SNAPSHOT"];
      const more = tiers ? ["ASKS", "CACHES/S"] : [];
      print(
        nodes,
        table([...heads, "LOOKUPS/S", "REQUESTS/S", "HITS", ...more], cells, "No nodes"),
      );
      return 0;
    },
  });
}
