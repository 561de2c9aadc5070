import { type ChildProcess, spawn } from "node:child_process";

/** A program that a story started, in a process group of its own. */
export class Program {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = "";

  constructor(
    command: readonly string[],
    o: { name?: string; cwd?: string; env?: Readonly<Record<string, string>> } = {},
  ) {
    this.name = o.name ?? command[0]!;
    this.#child = spawn(command[0]!, command.slice(1), {
      cwd: o.cwd,
      env: { ...process.env, ...o.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const take = (part: Buffer) => {
      this.#output = (this.#output + part.toString("utf8")).slice(-500_000);
    };
    this.#child.stdout!.on("data", take);
    this.#child.stderr!.on("data", take);
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => {
        this.#output += `${error.message}\n`;
        resolve(null);
      });
      this.#child.on("close", (code) => resolve(code));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Standard output and standard error as they came. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The exit code, once it has ended and all its output is read; null if a signal ended it. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  signal(name: NodeJS.Signals): void {
    if (this.running) this.#child.kill(name);
  }

  /** kill -9 of the whole process group. */
  async kill(): Promise<void> {
    try {
      // One that could not be started has no group: 0 would be this process's own.
      if (this.pid > 0) process.kill(-this.pid, "SIGKILL");
    } catch {
      // The group has ended already.
    }
    await this.#ended;
  }

  /** Asks it to end, and kills the group if it has not within 10 s. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => void this.kill(), 10_000);
    this.signal("SIGTERM");
    await this.#ended;
    clearTimeout(timer);
    await this.kill();
  }

  /** Waits for words in the output; throws with the output if it ends or takes too long. */
  async says(words: string | RegExp, withinMs = 20_000): Promise<void> {
    const found = () =>
      typeof words === "string" ? this.#output.includes(words) : words.test(this.#output);
    await until(() => found() || !this.running, { withinMs, what: `${this.name} to say ${words}` });
    if (!found()) throw new Error(`${this.name} ended without saying ${words}:\n${this.#output}`);
  }
}

/** Runs a program to its end; throws if its exit code is not 0. Returns its standard output. */
export async function run(command: readonly string[], withinMs = 30_000): Promise<string> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: withinMs,
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${err}${out}`);
  return out;
}

/**
 * Waits until a condition holds, asking every 20 ms; throws after `withinMs`. A condition that
 * throws does not hold yet; what it threw last is told at the end.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  o: { withinMs?: number; what: string; everyMs?: number },
): Promise<void> {
  const withinMs = o.withinMs ?? 15_000;
  const started = performance.now();
  let last = "";
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() - started > withinMs)
      throw new Error(`Waited ${withinMs} ms in vain for ${o.what}${last}`);
    await Bun.sleep(o.everyMs ?? 20);
  }
}
