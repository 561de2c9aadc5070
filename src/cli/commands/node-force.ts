import type { Command } from "commander";
import type { ForcedState } from "../../model/origin.ts";
import { changedWords } from "./site-add.ts";
import { endOf, UNTIL, type UntilFlags } from "./until.ts";
import { noun, verb } from "./verb.ts";

export function registerNodeForce(program: Command): void {
  const parent = noun(program, "node", "The network's machines");
  verb<UntilFlags>(parent, {
    usage: "force <node> <state>",
    description: "Overrule what is measured of a cache: up, down, drain, or auto to end that",
    examples: [
      "turnpike node force fra-1 down",
      "turnpike node force fra-1 up --until 30m",
      "turnpike node force fra-1 auto",
    ],
    options: [UNTIL],
    run: async ({ api, args, flags, print }) => {
      const body = { state: (args[1] ?? "") as ForcedState, ...endOf(flags) };
      const changed = await api.call("patchNode", { params: { name: args[0] ?? "" }, body });
      print(changed, changedWords(changed));
      return 0;
    },
  });
  verb<UntilFlags>(parent, {
    usage: "drain <node>",
    description: "Send nobody new to a cache; end it with node force <node> auto",
    examples: ["turnpike node drain fra-1", "turnpike node drain fra-1 --until 2h"],
    options: [UNTIL],
    run: async ({ api, args, flags, print }) => {
      const body = { state: "drain", ...endOf(flags) } as const;
      const changed = await api.call("patchNode", { params: { name: args[0] ?? "" }, body });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}
