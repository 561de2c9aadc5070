import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Problem } from "../../base/result.ts";
import { prefixesByAs } from "../../policy/snapshot/mod.ts";
import { type PrefixAs, parsePrefixAs } from "../../wire/ip/mod.ts";
import { noun, verb } from "./verb.ts";

interface Flags {
  readonly as?: string;
  readonly largest?: string;
  readonly dryRun?: boolean;
}

/** The whole Internet has about 1.3 million; a million took 0.5 GB while they were read. */
const LINES_MAX = 2_000_000;
const PROBLEMS_MAX = 100;

export function registerGroupImport(program: Command): void {
  verb<Flags>(noun(program, "group", "Client groups: client prefixes that are treated alike"), {
    usage: "import <file>",
    description:
      "Make a client group of each autonomous system of a table (pyasn, pfx2as): for clients in no group of your own",
    examples: [
      "turnpike group import routeviews.pfx2as --largest 500",
      "turnpike group import table.txt --as 64500,64501 --dry-run",
    ],
    options: [
      ["--as <numbers>", "only these autonomous systems"],
      ["--largest <n>", "only the n with most addresses"],
      ["--dry-run", "only say what would change"],
    ],
    file: ({ args }) => args[0] ?? "",
    run: async ({ api, args, flags, print }) => {
      const table = await readTable(args[0] ?? "");
      const systems = prefixesByAs(table, chosen(table, flags));
      const body = {
        systems: systems.map(({ as, prefixes }) => ({ as, prefixes: [...prefixes] })),
        dryRun: flags.dryRun === true,
      };
      const done = await api.call("putAsGroups", { body });
      const prefixes = systems.reduce((n, one) => n + one.prefixes.length, 0) - done.left;
      const own = done.left === 0 ? "" : `; ${done.left} prefixes are left to your own groups`;
      const end = done.snapshot === null ? "" : `; published as snapshot ${done.snapshot}`;
      print(done, [...done.changes, `${done.groups} groups of ${prefixes} prefixes${own}${end}`]);
      return 0;
    },
  });
}

/**
 * Reads a table line by line; a line costs memory only as an address and two numbers.
 *
 * @throws Fault `bad-input` with every problem, up to a hundred, by its line
 */
export async function readTable(path: string): Promise<readonly PrefixAs[]> {
  const table: PrefixAs[] = [];
  const problems: Problem[] = [];
  let number = 0;
  let wrong = 0;
  const stream = path === "-" ? process.stdin : createReadStream(path);
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      number++;
      if (number > LINES_MAX) {
        throw new Fault("bad-input", `${path} has more than ${LINES_MAX} lines`);
      }
      const read = parsePrefixAs(line);
      if (read === null) continue;
      if (typeof read !== "string") {
        table.push(read);
        continue;
      }
      wrong++;
      if (problems.length >= PROBLEMS_MAX) continue;
      problems.push({ path: `line ${number}`, message: read, received: line.slice(0, 80) });
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("bad-input", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  if (wrong > problems.length) {
    const message = `${wrong - problems.length} more lines are wrong`;
    problems.push({ path: "lines", message, received: "" });
  }
  if (problems.length > 0) throw new Fault("bad-input", `${wrong} lines are wrong`, { problems });
  return table;
}

/** The systems asked for; all of the table's where none are named. */
export function chosen(table: readonly PrefixAs[], flags: Flags): ReadonlySet<number> {
  if (flags.as !== undefined) return new Set(numbersOf(flags.as));
  const addresses = new Map<number, number>();
  for (const { prefix, as } of table) {
    // A /48 of IPv6 is taken for as much as a /24 of IPv4.
    const size = 2 ** (prefix.family === 4 ? 24 - prefix.bits : 48 - prefix.bits);
    addresses.set(as, (addresses.get(as) ?? 0) + size);
  }
  const largest = [...addresses].sort(([a, m], [b, n]) => n - m || a - b).map(([as]) => as);
  if (flags.largest === undefined) return new Set(largest);
  const most = Number(flags.largest);
  if (!Number.isInteger(most) || most < 1) {
    throw new Fault("bad-input", `expected how many for --largest: received ${flags.largest}`);
  }
  return new Set(largest.slice(0, most));
}

function numbersOf(list: string): number[] {
  return list.split(",").map((text) => {
    const as = Number(text.trim().replace(/^AS/i, ""));
    if (Number.isInteger(as) && as > 0) return as;
    throw new Fault("bad-input", `expected numbers such as 64500,64501 for --as: received ${text}`);
  });
}
