import { type Command, InvalidArgumentError } from "commander";
import type { DemoFlags } from "./demo.ts";

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description("Run a whole network on loopback, with customers, web servers and users")
    .option("--check", "prove each line of the contract against itself; exit code 0 or 1")
    .option("--only <text>", "with --check: only the claims whose group or words hold this text")
    .option("--json", "print one JSON object with all addresses, accounts and tokens once ready")
    .option("--port-base <port>", "move all ports; DNS is here, HTTP 80 above", portBase, 5300)
    .option("--data <dir>", "keep everything in this folder (default: a temporary one)")
    .addHelpText("after", "\nExamples:\n  turnpike demo\n  turnpike demo --check\n")
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import("./demo.ts");
      process.exitCode = await runDemo(flags);
    });
}

function portBase(text: string): number {
  const port = Number(text);
  if (!/^\d{4,5}$/.test(text) || port < 1024 || port > 65_000)
    throw new InvalidArgumentError("expected a port from 1024 to 65000");
  return port;
}
