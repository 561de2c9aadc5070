import type { Command } from "commander";
import type { UsageRow } from "../../model/api/mod.ts";
import { table, verb } from "./verb.ts";

interface Flags {
  readonly from?: string;
  readonly to?: string;
}

const HEADS = ["SITE", "NODE", "REQUESTS", "HITS", "BYTES OUT", "BYTES IN", "LOOKUPS"];

export function registerUsage(program: Command): void {
  verb<Flags>(program, {
    usage: "usage <customer>",
    description: "What was metered for a customer, by site and node, in whole hours (UTC)",
    examples: [
      "turnpike usage shop",
      "turnpike usage shop --from 2026-11-01 --to 2026-12-01 --json",
    ],
    options: [
      ["--from <time>", "a date or time; default: the first of this month"],
      ["--to <time>", "up to this date or time; default: now"],
    ],
    run: async ({ api, args, flags, print }) => {
      const { from, to } = flags;
      const query = {
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      };
      const rows = await api.call("readUsage", { params: { customer: args[0] ?? "" }, query });
      print(rows, usageWords(rows));
      return 0;
    },
  });
}

export function usageWords(rows: readonly UsageRow[]): string[] {
  if (rows.length === 0) return ["Nothing was metered in this time"];
  const cells = rows.map((row) => [row.site, row.node ?? "", ...counts(row)]);
  const sum = rows.reduce(plus, NOTHING);
  const total = ["total", "", ...counts(sum)];
  const [first] = rows;
  return [`From ${first?.from} to ${first?.to}`, ...table(HEADS, [...cells, total])];
}

type Counts = Pick<UsageRow, "requests" | "hits" | "bytesOut" | "bytesIn" | "queries">;

const NOTHING: Counts = { requests: 0, hits: 0, bytesOut: 0, bytesIn: 0, queries: 0 };

function counts(row: Counts): number[] {
  return [row.requests, row.hits, row.bytesOut, row.bytesIn, row.queries];
}

function plus(a: Counts, b: Counts): Counts {
  return {
    requests: a.requests + b.requests,
    hits: a.hits + b.hits,
    bytesOut: a.bytesOut + b.bytesOut,
    bytesIn: a.bytesIn + b.bytesIn,
    queries: a.queries + b.queries,
  };
}
