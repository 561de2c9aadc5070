import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { type AccessEntry, accessLine } from "../../edge/mod.ts";
import type { LogTailView } from "../../model/api/mod.ts";
import { findSite } from "./find-site.ts";
import { noun, verb } from "./verb.ts";

interface Flags {
  readonly format: string;
  readonly lines?: string;
}

const FORMATS = ["json", "combined"] as const;

export function registerLogsTail(program: Command): void {
  verb<Flags>(noun(program, "logs", "What caches wrote down of a site's requests"), {
    usage: "tail <hostname>",
    description: "Follow the requests for a site at all caches, line by line, until interrupted",
    examples: [
      "turnpike logs tail www.shop.example",
      "turnpike logs tail www.shop.example --format json --lines 100 | jq .status",
    ],
    options: [
      ["--format <format>", "json, or combined as Apache writes it", "combined"],
      ["--lines <n>", "end after so many lines"],
    ],
    run: async ({ api, args, flags }) => {
      const format = FORMATS.find((one) => one === flags.format);
      const most = flags.lines === undefined ? Number.POSITIVE_INFINITY : Number(flags.lines);
      if (format === undefined) throw wrong("--format", "expected json or combined", flags.format);
      if (!(most >= 1)) throw wrong("--lines", "expected a number from 1", flags.lines ?? "");
      const { customer, site } = await findSite(api, args[0] ?? "");
      const params = { customer, hostname: site.hostname };
      let after: string | undefined;
      for (let left = most; left > 0; ) {
        // The first call begins it, and has nothing to wait for.
        const query = after === undefined ? { waitMs: 0 } : { after };
        const answer: LogTailView = await api.call("tailLog", { params, query });
        after = answer.next;
        if (answer.dropped > 0) process.stderr.write(`(${answer.dropped} lines left out)\n`);
        const lines = answer.lines.slice(0, left).map(({ line }) => shown(line, format));
        if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
        left -= lines.length;
      }
      return 0;
    },
  });
}

function shown(line: string, format: (typeof FORMATS)[number]): string {
  if (format === "json") return line;
  const { at, ...entry } = JSON.parse(line) as Omit<AccessEntry, "atMs"> & { readonly at: string };
  return accessLine({ ...entry, atMs: Date.parse(at) }, format);
}

function wrong(path: string, message: string, received: string): Fault {
  return new Fault("bad-input", "", { problems: [{ path, message, received }] });
}
