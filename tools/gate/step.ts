import { spawn } from "node:child_process";

export interface StepEnd {
  /** Null when it was ended by a signal or the time limit. */
  readonly code: number | null;
  readonly timedOut: boolean;
  /** Standard output and standard error as they came, at most the last 200,000 characters. */
  readonly output: string;
  readonly seconds: number;
}

const OUTPUT_MAX = 200_000;

/**
 * Runs a command without input, in a process group of its own, which ends as a whole at the time
 * limit: a test that hangs leaves nothing behind.
 */
export function runStep(
  command: readonly string[],
  o: { cwd: string; limitSec: number; env?: Readonly<Record<string, string>> },
): Promise<StepEnd> {
  const started = performance.now();
  const child = spawn(command[0]!, command.slice(1), {
    cwd: o.cwd,
    env: { ...process.env, ...o.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  const take = (part: Buffer) => {
    output = (output + part.toString("utf8")).slice(-OUTPUT_MAX);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      endGroup(child.pid);
    }, o.limitSec * 1000);
    const end = (code: number | null) => {
      clearTimeout(limit);
      endGroup(child.pid);
      resolve({ code, timedOut, output, seconds: (performance.now() - started) / 1000 });
    };
    child.on("error", (error) => {
      output += `${error.message}\n`;
      end(null);
    });
    child.on("exit", (code) => setTimeout(end, 50, code));
  });
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // The group has ended already.
  }
}
