/** The one place that reads the command line: flags become options, options start roles. */
import { Fault } from "../base/fault.ts";
import { formatProblem } from "../base/result.ts";

async function main(): Promise<void> {
  const [first] = process.argv.slice(2);
  if (first === "child") {
    const { runChild } = await import("./child.ts");
    return runChild();
  }
  const { Command, CommanderError } = await import("commander");
  const { registerUp } = await import("./up.ts");
  const { registerDemo } = await import("./demo/mod.ts");
  const { registerCommands } = await import("./commands/mod.ts");
  const program = new Command("turnpike")
    .description("A content delivery network and global traffic manager that you run yourself")
    .version("0.1.0")
    .showHelpAfterError("(see --help)")
    // An option belongs to the command that it stands behind.
    .enablePositionalOptions()
    .exitOverride();
  registerUp(program);
  registerDemo(program);
  registerCommands(program);
  try {
    await program.parseAsync();
    process.exit(process.exitCode ?? 0);
  } catch (error) {
    // Commander has printed its own words by then; 0 for --help and --version, 2 for bad flags.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    process.stderr.write(`${describe(error)}\n`);
    process.exit(2);
  }
}

/** The words for a person; a stack only for a bug of ours, after the words. */
function describe(error: unknown): string {
  if (error instanceof Fault) {
    const problems = error.problems.map((problem) => `  ${formatProblem(problem)}`);
    return [`turnpike: ${error.message}`, ...problems].join("\n");
  }
  if (error instanceof Error)
    return `turnpike: this is a bug of ours: ${error.message}\n${error.stack}`;
  return `turnpike: ${String(error)}`;
}

await main();
