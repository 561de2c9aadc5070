import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Simulated } from "../../model/api/mod.ts";
import { instantOf } from "./explain.ts";
import { table, verb } from "./verb.ts";

export function registerSimulate(program: Command): void {
  verb<{ readonly at?: string; readonly generated?: boolean }>(program, {
    usage: "simulate <file>",
    description: "What a draft of the network file would do to clients and bills; changes nothing",
    examples: [
      "turnpike simulate draft.yaml",
      "turnpike simulate draft.yaml --at 3h",
      "turnpike simulate draft.yaml --generated --json",
    ],
    options: [
      [
        "--at <time>",
        "with the health and lookups of a time: ISO 8601, or how long ago, such as 3h",
      ],
      ["--generated", "with one lookup a second of each kind, not those that were recorded"],
    ],
    file: ({ args }) => args[0] ?? "",
    run: async ({ api, args, flags, print }) => {
      const path = args[0] ?? "";
      let yaml: string;
      try {
        yaml = await readFile(path, "utf8");
      } catch (cause) {
        throw new Fault("bad-input", `cannot read ${path}: ${(cause as Error).message}`, { cause });
      }
      const at = flags.at === undefined ? {} : { at: instantOf(flags.at, Date.now()) };
      const demand = flags.generated === true ? ("generated" as const) : ("auto" as const);
      const simulated = await api.call("simulate", { body: { yaml, demand, ...at } });
      print(simulated, simulatedWords(simulated));
      return 0;
    },
  });
}

export function simulatedWords(simulated: Simulated): string[] {
  const { demand, names, servers, customers, usageHours } = simulated;
  const load = (value: number | null) => (value === null ? "-" : value.toFixed(3));
  const source =
    demand === "recorded" ? "the lookups of the last minutes" : "one lookup a second each";
  return [
    `With ${source}:`,
    ...table(
      ["name", "lookups/s", "clients moved"],
      names.map((n) => [n.name, n.lookupsPerSec.toFixed(2), `${(100 * n.moved).toFixed(1)} %`]),
    ),
    "",
    ...table(
      ["server", "lookups/s now", "then", "load now", "then"],
      servers.map((s) => [
        s.id,
        s.before.toFixed(2),
        s.after.toFixed(2),
        load(s.loadBefore),
        load(s.loadAfter),
      ]),
    ),
    "",
    `A month like the last ${usageHours === 1 ? "hour" : `${usageHours} hours`}:`,
    ...table(
      ["customer", "plan", "now", "plan", "then", "GB", "then", "M lookups", "then"],
      customers.map(({ customer, before, after }) => [
        customer,
        before?.plan,
        money(before),
        after?.plan,
        money(after),
        millions(before?.bytesOut, 1e9),
        millions(after?.bytesOut, 1e9),
        millions(before?.queries, 1e6),
        millions(after?.queries, 1e6),
      ]),
    ),
  ];
}

function money(bill: Simulated["customers"][number]["before"]): string {
  return bill === null ? "-" : `${bill.amount} ${bill.currency}`;
}

function millions(value: number | undefined, unit: number): string {
  return value === undefined ? "-" : (value / unit).toFixed(2);
}
