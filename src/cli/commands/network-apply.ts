import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Applied } from "../../model/api/mod.ts";
import { leftBehind } from "./left-behind.ts";
import { type Tools, verb } from "./verb.ts";

interface Flags {
  readonly dryRun?: boolean;
  readonly publish?: boolean;
}

export function registerApply(program: Command): void {
  verb<Flags>(program, {
    usage: "apply <file>",
    description: "Make the network what a file says: all of it, or nothing with every problem",
    examples: [
      "turnpike apply network.yaml",
      "turnpike apply network.yaml --dry-run",
      "turnpike apply network.yaml --no-publish && turnpike publish",
    ],
    options: [
      ["--dry-run", "only say what would change"],
      ["--no-publish", "keep it for a later publish"],
    ],
    file: fileOf,
    run: async (tools) => {
      const dryRun = tools.flags.dryRun === true;
      const publish = tools.flags.publish !== false;
      const applied = await applyFile(tools, { dryRun, publish });
      const left = await leftBehind(tools.api, applied);
      tools.print(applied, [...linesOf(applied), summaryOf(applied), ...left]);
      return 0;
    },
  });
  verb<Flags>(program, {
    usage: "diff <file>",
    description: "What apply would change. Exit code 0: nothing; 1: something; 2: cannot say",
    examples: ["turnpike diff network.yaml"],
    file: fileOf,
    run: async (tools) => {
      const applied = await applyFile(tools, { dryRun: true, publish: true });
      tools.print(applied, applied.changes.length === 0 ? "No changes" : linesOf(applied));
      return applied.changes.length === 0 ? 0 : 1;
    },
  });
}

function fileOf({ args }: Tools<Flags>): string {
  return args[0] ?? "";
}

async function applyFile(
  tools: Tools<Flags>,
  o: { readonly dryRun: boolean; readonly publish: boolean },
): Promise<Applied> {
  const path = fileOf(tools);
  let yaml: string;
  try {
    yaml = path === "-" ? await Bun.stdin.text() : await readFile(path, "utf8");
  } catch (cause) {
    throw new Fault("bad-input", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  return tools.api.call("apply", { body: { yaml, ...o } });
}

function linesOf({ changes }: Applied): string[] {
  const signs = { add: "+", change: "~", remove: "-" } as const;
  return changes.map(({ action, path, from, to }) => {
    const value = from !== undefined && to !== undefined ? `${from} -> ${to}` : (to ?? from);
    return `${signs[action]} ${path}${value === undefined ? "" : `: ${value}`}`;
  });
}

function summaryOf({ changes, version, snapshot, dryRun }: Applied): string {
  const count = changes.length === 1 ? "1 change" : `${changes.length} changes`;
  if (dryRun) return `${count} would be made; nothing was applied`;
  const published = snapshot === null ? "" : `; published as snapshot ${snapshot}`;
  return changes.length === 0
    ? `No changes: version ${version}${published}`
    : `${count} applied: version ${version}${published}`;
}
