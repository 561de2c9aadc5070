import type { Command } from "commander";
import type { ZoneKeysView } from "../../model/api/mod.ts";
import { noun, verb } from "./verb.ts";

export function registerZoneDs(program: Command): void {
  const zone = noun(program, "zone", "Zones and the keys they are signed with");
  verb(zone, {
    usage: "ds <zone>",
    description: "The DS records that the parent of a signed zone is to have",
    examples: ["turnpike zone ds shop.example", "turnpike zone ds shop.example --json"],
    run: async ({ api, args, print }) => {
      const view = await api.call("readZoneKeys", { params: { zone: args[0] ?? "" } });
      print(view, [...view.ds, ...stateWords(view)]);
      return 0;
    },
  });
  verb<{ readonly early?: boolean }>(zone, {
    usage: "roll <zone>",
    description: "Take the next step of changing a zone's key: prepare, activate, retire",
    examples: ["turnpike zone roll shop.example", "turnpike zone ds shop.example"],
    options: [["--early", "do not wait for resolvers: for a key that has leaked"]],
    run: async ({ api, args, flags, print }) => {
      const params = { zone: args[0] ?? "" };
      const body = { early: flags.early === true };
      const view = await api.call("rollZoneKey", { params, body });
      print(view, [...view.ds, ...stateWords(view)]);
      return 0;
    },
  });
}

/** As comments, so that the whole can be pasted into a zone file. */
function stateWords({ keys, next }: ZoneKeysView): string[] {
  const states = keys.map((key) => `; key ${key.tag} is ${key.state} since ${key.since}`);
  const retiring = keys.some((key) => key.state === "retiring");
  const todo = retiring
    ? ["; Give the parent these DS records now, and take its old ones away"]
    : [];
  if (keys.length < 2) return states;
  return [...states, ...todo, `; next: turnpike zone roll (${next.step}), from ${next.notBefore}`];
}
