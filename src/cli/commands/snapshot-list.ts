import type { Command } from "commander";
import { numberFlag } from "./number-flag.ts";
import { noun, table, verb } from "./verb.ts";

interface Flags {
  readonly limit: string;
  readonly before?: string;
}

export function registerSnapshotList(program: Command): void {
  verb<Flags>(noun(program, "snapshot", "What was published"), {
    usage: "list",
    description: "The last snapshots, newest first, and the nodes that have not got them",
    examples: ["turnpike snapshot list", "turnpike snapshot list --before 120 --json"],
    options: [
      ["--limit <number>", "how many, at most 100", "20"],
      ["--before <number>", "only those before that one"],
    ],
    run: async ({ api, flags, print }) => {
      const { before, limit } = flags;
      const query = {
        limit: numberFlag("--limit", limit),
        ...(before !== undefined && { before: numberFlag("--before", before) }),
      };
      const rows = await api.call("listSnapshots", { query });
      const cells = rows.map((row) => [
        row.number,
        row.createdAt,
        row.intentVersion,
        row.hash.slice(0, 12),
        `${row.acks.length}/${row.acks.length + row.missing.length}`,
        row.missing.join(",") || "-",
        row.note,
      ]);
      const heads = ["NUMBER", "CREATED", "INTENT", "HASH", "ACKED", "MISSING", "NOTE"];
      print(rows, table(heads, cells, "Nothing was published"));
      return 0;
    },
  });
}
