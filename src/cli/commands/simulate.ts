import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Simulated } from "../../model/api/mod.ts";
import { table, verb } from "./verb.ts";

export function registerSimulate(program: Command): void {
  verb(program, {
    usage: "simulate <file>",
    description: "What a draft of the network file would do to clients; nothing is changed",
    examples: ["turnpike simulate draft.yaml", "turnpike simulate draft.yaml --json"],
    file: ({ args }) => args[0] ?? "",
    run: async ({ api, args, print }) => {
      const path = args[0] ?? "";
      let yaml: string;
      try {
        yaml = await readFile(path, "utf8");
      } catch (cause) {
        throw new Fault("bad-input", `cannot read ${path}: ${(cause as Error).message}`, { cause });
      }
      const simulated = await api.call("simulate", { body: { yaml } });
      print(simulated, simulatedWords(simulated));
      return 0;
    },
  });
}

export function simulatedWords({ demand, names, servers }: Simulated): string[] {
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
  ];
}
