import type { Command } from "commander";
import type { WhoView } from "../../model/api/mod.ts";
import { instantOf } from "./explain.ts";
import { numberFlag } from "./number-flag.ts";
import { table, verb } from "./verb.ts";

/** Client groups that are printed; `--json` has them all. */
const SHOWN = 30;

export function registerWho(program: Command): void {
  verb<{ readonly at?: string; readonly limit: string }>(program, {
    usage: "who <server>",
    description: "Which clients are answered with a server, and why",
    examples: [
      "turnpike who www.shop.example/eu-1",
      "turnpike who fra-1 --at 10m",
      "turnpike who fra-1 --json",
    ],
    options: [
      [
        "--at <time>",
        "a time of the last 24 hours: ISO 8601, or how long ago, such as 90s, 10m, 3h",
      ],
      ["--limit <n>", "client groups listed at most", "1000"],
    ],
    run: async ({ api, args, flags, print }) => {
      const at = flags.at === undefined ? {} : { at: instantOf(flags.at, Date.now()) };
      const query = { server: args[0] ?? "", limit: numberFlag("--limit", flags.limit), ...at };
      const seen = await api.call("who", { query });
      print(seen, whoWords(seen));
      return seen.groupsOfIt === 0 ? 1 : 0;
    },
  });
}

export function whoWords(w: WhoView): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const of = w.demand === "recorded" ? "of the lookups of" : "counting each client group alike, of";
  const lines = [
    `${w.server}${w.at === undefined ? "" : ` at ${w.at}`} gets ${percent(w.share)} ${of} ${w.name}`,
    `   ${w.groupsOfIt} of ${w.groupsInAll} client groups`,
    `   snapshot ${w.snapshot}, health ${w.health}, assignment ${w.assignment}`,
  ];
  if (w.missShare !== null) lines.push(`   ${percent(w.missShare)} of what caches fetch on a miss`);
  if (w.sites !== undefined) {
    const { names, held, inAll } = w.sites;
    const more = names.length > SHOWN ? ", ..." : "";
    const named = held === 0 ? "" : `: ${names.slice(0, SHOWN).join(", ")}${more}`;
    lines.push(`   within its pop the own names of ${held} of ${inAll} sites${named}`);
  }
  if (w.groupsOfIt === 0) return lines;
  lines.push(
    "",
    ...table(
      ["filter", "reason", "client groups", "share"],
      w.reasons.map((r) => [r.filter, r.reason, r.groups, percent(r.share)]),
    ),
    "",
    ...table(
      ["client group", "lookups/s", "of them", "why", ""],
      w.groups
        .slice(0, SHOWN)
        .map((g) => [g.group, g.lookupsPerSec.toFixed(2), percent(g.share), g.reason, g.detail]),
    ),
  );
  if (w.groupsOfIt > SHOWN) lines.push(`... and ${w.groupsOfIt - SHOWN} more`);
  return lines;
}
