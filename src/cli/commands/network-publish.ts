import type { Command } from "commander";
import type { Published } from "../../model/api/mod.ts";
import { numberFlag } from "./number-flag.ts";
import { verb } from "./verb.ts";

export function registerPublish(program: Command): void {
  verb(program, {
    usage: "publish",
    description: "Compile the newest intent and send it to every node",
    examples: ["turnpike publish"],
    run: async ({ api, print }) => {
      const published = await api.call("publish");
      print(published, words(published));
      return 0;
    },
  });
  verb(program, {
    usage: "rollback <number>",
    description: "Publish what an earlier snapshot held, under a new number",
    examples: ["turnpike snapshot list", "turnpike rollback 12"],
    run: async ({ api, args, print }) => {
      const published = await api.call("rollback", {
        body: { number: numberFlag("number", args[0] ?? "") },
      });
      print(published, words(published));
      return 0;
    },
  });
}

function words({ snapshot, published }: Published): string {
  const { number, intentVersion } = snapshot;
  return published
    ? `Published snapshot ${number} (intent version ${intentVersion})`
    : `Nothing new: snapshot ${number} holds intent version ${intentVersion}`;
}
