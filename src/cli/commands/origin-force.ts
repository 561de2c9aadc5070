import type { Command } from "commander";
import type { ForcedState } from "../../model/origin.ts";
import type { ApiClient } from "../api-client.ts";
import { findSite, splitOrigin } from "./find-site.ts";
import { changedWords } from "./site-add.ts";
import { endOf, UNTIL, type UntilFlags } from "./until.ts";
import { noun, verb } from "./verb.ts";

export function registerOriginForce(program: Command): void {
  const parent = noun(program, "origin", "Customers' mirrored web servers");
  verb<UntilFlags>(parent, {
    usage: "force <origin> <state>",
    description: "Overrule what is measured: up, down, drain, or auto to end that",
    examples: [
      "turnpike origin force www.shop.example/a down",
      "turnpike origin force www.shop.example/a up --until 30m",
      "turnpike origin force www.shop.example/a auto",
    ],
    options: [UNTIL],
    run: async ({ api, args, flags, print }) => {
      const state = (args[1] ?? "") as ForcedState;
      const changed = await force(api, args[0] ?? "", { state, ...endOf(flags) });
      print(changed, changedWords(changed));
      return 0;
    },
  });
  verb<UntilFlags>(parent, {
    usage: "drain <origin>",
    description: "Send nobody new to a web server; end it with origin force <origin> auto",
    examples: [
      "turnpike origin drain www.shop.example/a",
      "turnpike origin drain www.shop.example/a --until 2h",
    ],
    options: [UNTIL],
    run: async ({ api, args, flags, print }) => {
      const changed = await force(api, args[0] ?? "", { state: "drain", ...endOf(flags) });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}

async function force(
  api: ApiClient,
  origin: string,
  body: { readonly state: ForcedState; readonly until?: string },
) {
  const { hostname, name } = splitOrigin(origin);
  const { customer } = await findSite(api, hostname);
  return api.call("patchOrigin", { params: { customer, hostname, name }, body });
}
