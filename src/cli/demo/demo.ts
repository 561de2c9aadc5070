import { realClock } from "../../base/real/clock.ts";
import { realRng } from "../../base/real/rng.ts";
import { untilSignal } from "../ending.ts";
import { runChecks } from "./check/mod.ts";
import { User } from "./client/stub.ts";
import { startTraffic, type Traffic } from "./client/traffic.ts";
import { type Commands, startCommands } from "./commands.ts";
import { describeStage } from "./describe.ts";
import { startFaults } from "./faults.ts";
import { startKeys } from "./keys.ts";
import { CLIENTS, portsFrom } from "./layout.ts";
import { type Stage, startStage } from "./stage.ts";
import { whatToTry } from "./try.ts";

export interface DemoFlags {
  readonly check?: boolean;
  readonly only?: string;
  readonly json?: boolean;
  readonly portBase: number;
  readonly data?: string;
}

/** Runs the demo to its end; returns the exit code. */
export async function runDemo(flags: DemoFlags): Promise<number> {
  const out = (line: string) => void process.stdout.write(`${line}\n`);
  // With --json, standard output is one JSON object and nothing else.
  const say = flags.json ? (line: string) => void process.stderr.write(`${line}\n`) : out;
  const ended = untilSignal(realClock);
  const started = startStage({
    ports: portsFrom(flags.portBase),
    dataDir: flags.data ?? null,
    progress: (line) => say(`  ... ${line}`),
  });
  const stage = await started;
  try {
    if (flags.check) return await check(stage, flags, { out, say, ended });
    await live(stage, flags, { out, say, ended });
    return 0;
  } finally {
    say("stopping");
    await stage.stop();
  }
}

interface Voices {
  readonly out: (line: string) => void;
  readonly say: (line: string) => void;
  readonly ended: Promise<void>;
}

async function check(stage: Stage, flags: DemoFlags, voices: Voices): Promise<number> {
  const only = flags.only === undefined ? {} : { only: flags.only };
  const interrupted = voices.ended.then(() => null);
  const results = await Promise.race([runChecks(stage, { say: voices.say, ...only }), interrupted]);
  if (results === null) return 130;
  if (flags.json) voices.out(JSON.stringify({ ...describeStage(stage), check: results }, null, 2));
  return results.failed === 0 ? 0 : 1;
}

/** The living demo: users, waves and faults until it is told to end. */
async function live(stage: Stage, flags: DemoFlags, voices: Voices): Promise<void> {
  const held = new Set<string>();
  const { world, ports } = stage;
  const say = (line: string) => voices.say(`  [${new Date().toLocaleTimeString("en-GB")}] ${line}`);
  const commands: Commands = startCommands({ world, ports, held });
  const users = CLIENTS.map((network) => new User({ network, ports, keepAnswers: true }));
  const traffic: Traffic = startTraffic({ users, ports, clock: realClock, rng: realRng });
  const faults = startFaults({ world, clock: realClock, held, say });
  const pressed = startKeys({ commands, say });
  if (flags.json) voices.out(JSON.stringify(describeStage(stage), null, 2));
  for (const line of whatToTry(stage, { keys: pressed !== null })) voices.say(line);
  await Promise.race([voices.ended, ...(pressed === null ? [] : [pressed.quit])]);
  await faults.stop();
  await traffic.stop();
  await commands.stop();
}
