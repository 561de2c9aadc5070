import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { zoneChangedWords } from "./find-zone.ts";
import { verb } from "./verb.ts";

interface Flags {
  readonly zone?: string;
  readonly dryRun?: boolean;
}

export function registerZoneImport(parent: Command): void {
  verb<Flags>(parent, {
    usage: "import <customer> <file>",
    description: "Make a zone what a master file says: all of it, or nothing with every problem",
    examples: [
      "turnpike zone import shop shop.example.zone --dry-run",
      "turnpike zone import shop db.shop --zone shop.example",
    ],
    options: [
      ["--zone <name>", "its name, if neither $ORIGIN nor the file's name says it"],
      ["--dry-run", "only say what would change"],
    ],
    file: ({ args }) => args[1] ?? "",
    run: async ({ api, args, flags, print }) => {
      const [customer = "", file = ""] = args;
      const text = await readText(file);
      const zone = flags.zone ?? zoneNameOf(text, file);
      const body = { text, dryRun: flags.dryRun === true };
      const done = await api.call("putZone", { params: { customer, zone }, body });
      print(done, zoneChangedWords(done, file));
      return 0;
    },
  });
}

async function readText(path: string): Promise<string> {
  try {
    return path === "-" ? await Bun.stdin.text() : await readFile(path, "utf8");
  } catch (cause) {
    throw new Fault("bad-input", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** As the first $ORIGIN says, or the owner of the SOA, or the file's name. */
export function zoneNameOf(text: string, file: string): string {
  const origin = /^\$ORIGIN\s+(\S+)/im.exec(text)?.[1];
  const owner = /^([^\s;$@(]\S*\.)\s[^;\n]*\bSOA\b/im.exec(text)?.[1];
  const name = basename(file)
    .replace(/^db\./, "")
    .replace(/\.(?:zone|db|txt)$/, "");
  return (origin ?? owner ?? name).toLowerCase().replace(/\.$/, "");
}
