import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Argument, Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { formatProblem } from "../../base/result.ts";
import { ApiClient, ApiRefusal } from "../api-client.ts";

export const DEFAULT_SERVER = "http://127.0.0.1:8053";

/** What every command that calls the API is given. */
export interface Tools<F> {
  readonly api: ApiClient;
  /** Arguments by their place, as the command declares them. */
  readonly args: readonly string[];
  readonly flags: F;
  /** Prints what is for people, or with `--json` the value and nothing else. */
  print(value: unknown, words: string | readonly string[]): void;
}

export interface Verb<F> {
  /** Such as `drain <origin>`. */
  readonly usage: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly options?: readonly (readonly [flags: string, description: string, preset?: string])[];
  /** The file that problems are about, so that they print as `file:line:column`. */
  readonly file?: (tools: Tools<F>) => string;
  /** Exit code 1 says that the answer is no; a refusal exits 1, whatever else fails 2. */
  readonly run: (tools: Tools<F>) => Promise<number | undefined>;
}

interface Everywhere {
  readonly server: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** The command of a noun, such as `site`, made once. */
export function noun(program: Command, name: string, description: string): Command {
  const known = program.commands.find((command) => command.name() === name);
  return known ?? program.command(name).description(description);
}

/** Adds a command that calls the API, with the options that all of them have; it may have words of its own. */
export function verb<F = Record<string, unknown>>(parent: Command, declared: Verb<F>): Command {
  const [name = "", ...args] = declared.usage.split(" ");
  const command = new Command(name).description(declared.description);
  for (const arg of args) command.addArgument(new Argument(arg));
  for (const [flags, description, preset] of declared.options ?? []) {
    command.option(flags, description, preset);
  }
  command
    .option("--server <url>", "the control plane (TURNPIKE_URL)", defaultServer())
    .option("--token <token>", "a token (TURNPIKE_TOKEN, or what login kept)")
    .option("--json", "print the answer as JSON")
    .showHelpAfterError("(see --help)")
    .exitOverride((end) => process.exit(end.exitCode === 0 ? 0 : 2))
    .addHelpText("after", `\nExamples:\n${declared.examples.map((e) => `  ${e}\n`).join("")}`)
    .action(async () => {
      process.exitCode = await act(declared, command);
    });
  parent.addCommand(command);
  return command;
}

async function act<F>(declared: Verb<F>, command: Command): Promise<number> {
  const flags = command.opts() as F & Everywhere;
  const token = flags.token ?? process.env.TURNPIKE_TOKEN ?? keptToken(flags.server);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const tools: Tools<F> = {
    api: new ApiClient(flags.server, headers),
    args: command.args,
    flags,
    print(value, words) {
      const text = flags.json === true ? JSON.stringify(value, null, 2) : lines(words);
      if (text !== "") process.stdout.write(`${text}\n`);
    },
  };
  try {
    return (await declared.run(tools)) ?? 0;
  } catch (error) {
    return report(error, declared.file?.(tools));
  }
}

function lines(words: string | readonly string[]): string {
  return typeof words === "string" ? words : words.join("\n");
}

const SIGN_IN = "Sign in with: turnpike login --email you@example.com, or set TURNPIKE_TOKEN";
const START = "Is it running (turnpike up)? Another is named by --server, or by TURNPIKE_URL";

/** What to do about it, where that is known. */
function hintOf(error: ApiRefusal | Fault): readonly string[] {
  if (error instanceof ApiRefusal) return error.code === "not-signed-in" ? [SIGN_IN] : [];
  return error.code === "bus-timeout" ? [START] : [];
}

/** 1: who was asked says no, or has no such thing; 2: it could not be asked. */
function exitCodeOf(error: ApiRefusal | Fault): number {
  if (error instanceof ApiRefusal) return 1;
  return error.code === "not-found" || error.code === "conflict" ? 1 : 2;
}

/** Says what went wrong; never a stack. A bug of ours goes on to main, which says so. */
function report(error: unknown, file: string | undefined): number {
  if (!(error instanceof ApiRefusal) && !(error instanceof Fault)) throw error;
  const problems = error.problems.map((problem) => formatProblem(problem, file));
  // The detail says it; the general words before it only when there is none.
  const words = error instanceof Fault ? error.message.replace(`${error.publicWords}: `, "") : "";
  const last = `turnpike: ${words === "" ? error.message : words}`;
  process.stderr.write(`${[...problems, last, ...hintOf(error)].join("\n")}\n`);
  return exitCodeOf(error);
}

function defaultServer(): string {
  return process.env.TURNPIKE_URL ?? DEFAULT_SERVER;
}

/** Where `turnpike login` keeps tokens, by server; only its owner can read it. */
export function credentialsPath(): string {
  const base = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
  return join(base, "turnpike", "credentials.json");
}

export function keptTokens(): Record<string, string> {
  try {
    return JSON.parse(readFileSync(credentialsPath(), "utf8")) as Record<string, string>;
  } catch {
    return {};
  }
}

function keptToken(server: string): string | undefined {
  return keptTokens()[server.replace(/\/+$/, "")];
}

/** Rows in aligned columns, the heads first; `none` in place of heads without rows. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly unknown[])[],
  none?: string,
): string[] {
  if (rows.length === 0 && none !== undefined) return [none];
  const cells = [heads, ...rows.map((row) => row.map((cell) => String(cell ?? "-")))];
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? "").length)));
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
