import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { formatProblem, type Problem } from "../../base/result.ts";
import { pathOf, readDocument } from "../../model/document.ts";
import { network } from "../../model/network.ts";
import { compile } from "../../policy/snapshot/mod.ts";
import { sha256 } from "../node/sha256.ts";

/** The one command on a network file that asks no server. */
export function registerTest(program: Command): void {
  program
    .command("test <file>")
    .description("Check a network file and try its policy tests, without a server")
    .option("--json", "print the outcome as JSON")
    .addHelpText("after", "\nExamples:\n  turnpike test network.yaml\n")
    .action(async (file: string, { json }: { readonly json?: true }) => {
      const tried = testNetwork(await textOf(file));
      const text = json ? JSON.stringify(tried, null, 2) : testWords(tried, file).join("\n");
      process.stdout.write(`${text}\n`);
      process.exitCode = tried.problems.length === 0 ? 0 : 1;
    });
}

/** What came of a file: its problems, and its policy tests; null where they were not tried. */
export interface Tried {
  readonly passed: number | null;
  readonly failed: number | null;
  readonly problems: readonly Problem[];
}

export function testNetwork(text: string): Tried {
  const read = readDocument(text, network);
  if (!read.ok) return { passed: null, failed: null, problems: read.problems };
  const { value, locate } = read.value;
  const sites = value.customers.flatMap((customer) => customer.sites);
  const targets = Object.fromEntries(sites.map((s) => [s.hostname, "0".repeat(32)]));
  const intent = { network: value, version: 1, targets };
  const made = compile({ intent, number: 1, createdAtMs: 0, sha256 });
  const count = value.tests?.length ?? 0;
  if (made.ok) return { passed: count, failed: 0, problems: [] };
  const problems = made.problems.map((p) => ({ ...p, ...locate(pathOf(p.path)) }));
  const failed = problems.filter((p) => p.path.startsWith("tests.")).length;
  // What is wrong with the rest is found first, and then none is tried.
  if (failed === 0) return { passed: null, failed: null, problems };
  return { passed: count - failed, failed, problems };
}

/** What `turnpike test` prints. */
export function testWords({ passed, failed, problems }: Tried, file: string): string[] {
  const lines = problems.map((problem) => formatProblem(problem, file));
  return [...lines, passed === null ? "not tried" : `${passed} passed, ${failed} failed`];
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new Fault("bad-input", `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}
