import type { Command } from "commander";
import { numberFlag } from "./number-flag.ts";
import { noun, verb } from "./verb.ts";

export function registerAuditList(program: Command): void {
  verb<{ readonly limit: string }>(noun(program, "audit", "Who changed what"), {
    usage: "list",
    description: "Changes, newest first",
    examples: ["turnpike audit list", "turnpike audit list --limit 20 --json"],
    options: [["--limit <number>", "how many, at most 500", "50"]],
    run: async ({ api, flags, print }) => {
      const entries = await api.call("listAudit", {
        query: { limit: numberFlag("--limit", flags.limit) },
      });
      const words = entries.flatMap((entry) => [
        `${entry.seq}  ${entry.at}  ${entry.actor}  ${entry.action}  ${entry.subject}`,
        ...entry.changes.map((change) => `      ${change}`),
      ]);
      print(entries, entries.length === 0 ? "No changes" : words);
      return 0;
    },
  });
}
