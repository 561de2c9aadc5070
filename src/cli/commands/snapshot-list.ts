import type { Command } from "commander";
import { noun, table, verb } from "./verb.ts";

export function registerSnapshotList(program: Command): void {
  verb(noun(program, "snapshot", "What was published"), {
    usage: "list",
    description: "The last snapshots, newest first, and the nodes that have not got them",
    examples: ["turnpike snapshot list", "turnpike snapshot list --json"],
    run: async ({ api, print }) => {
      const rows = await api.call("listSnapshots");
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
      print(rows, table(heads, cells));
      return 0;
    },
  });
}
