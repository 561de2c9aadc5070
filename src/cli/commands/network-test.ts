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
    .addHelpText("after", "\nExamples:\n  turnpike test network.yaml\n")
    .action(async (file: string) => {
      const { lines, failed } = testNetwork(await textOf(file), file);
      process.stdout.write(`${lines.join("\n")}\n`);
      process.exitCode = failed ? 1 : 0;
    });
}

/** What `turnpike test` prints. */
export function testNetwork(text: string, file: string): { lines: string[]; failed: boolean } {
  const read = readDocument(text, network);
  const shown = (problems: readonly Problem[]) => problems.map((p) => formatProblem(p, file));
  if (!read.ok) return { lines: shown(read.problems), failed: true };
  const { value, locate } = read.value;
  const sites = value.customers.flatMap((customer) => customer.sites);
  const targets = Object.fromEntries(sites.map((s) => [s.hostname, "0".repeat(32)]));
  const intent = { network: value, version: 1, targets };
  const made = compile({ intent, number: 1, createdAtMs: 0, sha256 });
  const count = value.tests?.length ?? 0;
  if (made.ok) return { lines: [`${count} passed, 0 failed`], failed: false };
  const failed = made.problems.filter((p) => p.path.startsWith("tests.")).length;
  const lines = shown(made.problems.map((p) => ({ ...p, ...locate(pathOf(p.path)) })));
  const summary = failed === 0 ? "not tried" : `${count - failed} passed, ${failed} failed`;
  return { lines: [...lines, summary], failed: true };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new Fault("bad-input", `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}
