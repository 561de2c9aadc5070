import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Command, Option } from "commander";
import { Fault } from "../base/fault.ts";
import type { LogLevel } from "../base/log.ts";
import { realClock } from "../base/real/clock.ts";
import { jsonLog } from "../base/real/log.ts";
import { STDOUT } from "../model/access-log.ts";
import { readDocument } from "../model/document.ts";
import { type NodeFile, nodeFile } from "../model/node-file.ts";
import { untilSignal } from "./ending.ts";
import { startFleet } from "./fleet.ts";

export function registerUp(program: Command): void {
  program
    .command("up")
    .description("Run this machine's roles: name server, cache, probe, control and portal")
    .requiredOption("--config <file>", "the node file, such as turnpike.yaml")
    .addOption(
      new Option("--log-level <level>", "what is logged at least")
        .choices(["debug", "info", "warn", "error"])
        .default("info"),
    )
    .addHelpText("after", "\nExample:\n  turnpike up --config turnpike.yaml\n")
    .action(async (flags: { config: string; logLevel: LogLevel }) => {
      await up(await readNodeFile(flags.config), flags.logLevel);
    });
}

/** Reads a node file; paths in it are relative to it. Throws Fault `bad-input` with all problems. */
export async function readNodeFile(path: string): Promise<NodeFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const problem = { path: "--config", message: "expected a readable file", received: path };
    throw new Fault("bad-input", "", { cause, problems: [problem] });
  }
  const read = readDocument(text, nodeFile);
  if (!read.ok) throw new Fault("bad-input", path, { problems: read.problems });
  const file = read.value.value;
  const from = dirname(resolve(path));
  const tls =
    file.tls === undefined
      ? {}
      : { tls: { cert: resolve(from, file.tls.cert), key: resolve(from, file.tls.key) } };
  const { queryLog } = file.dns;
  const log = queryLog && { ...queryLog, file: resolve(from, queryLog.file) };
  const dns = log === undefined ? file.dns : { ...file.dns, queryLog: log };
  const places = file.places?.map((one) => resolve(from, one));
  const whole = places === undefined ? file : { ...file, places };
  const { accessLog } = file;
  const access =
    accessLog === undefined
      ? {}
      : { accessLog: { ...accessLog, file: logFile(from, accessLog.file) } };
  return { ...whole, ...tls, ...access, dns, data: resolve(from, file.data) };
}

function logFile(from: string, file: string): string {
  return file === STDOUT ? file : resolve(from, file);
}

async function up(file: NodeFile, logLevel: LogLevel): Promise<void> {
  const log = jsonLog(logLevel);
  const fleet = await startFleet({ nodes: [file], log, logLevel });
  for (const [name, listens] of Object.entries(fleet.listens)) {
    for (const [role, where] of Object.entries(listens)) {
      process.stdout.write(`${name}: ${role} on ${where}\n`);
    }
  }
  process.stdout.write("ready\n");
  await untilSignal(realClock);
  await fleet.stop();
}
