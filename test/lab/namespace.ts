import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { Program, run, until } from "./process.ts";

/**
 * A network namespace with a loopback that carries the addresses given and a resolv.conf of its
 * own, which programs started through `ip netns exec` see in place of /etc/resolv.conf. Needs root.
 */
export class Namespace {
  readonly name: string;
  readonly #programs: Program[] = [];

  private constructor(name: string) {
    this.name = name;
  }

  static async make(o: { addresses: readonly string[]; resolver: string }): Promise<Namespace> {
    const name = `turnpike-${process.pid}-${Math.floor(performance.now())}`;
    const made = new Namespace(name);
    await run(["ip", "netns", "add", name]);
    mkdirSync(`/etc/netns/${name}`, { recursive: true });
    writeFileSync(`/etc/netns/${name}/resolv.conf`, `nameserver ${o.resolver}\n`);
    await made.run(["ip", "link", "set", "lo", "up"]);
    for (const one of o.addresses) await made.run(["ip", "addr", "add", `${one}/32`, "dev", "lo"]);
    return made;
  }

  /** Runs a program inside, to its end. */
  run(command: readonly string[], withinMs?: number): Promise<string> {
    return run(["ip", "netns", "exec", this.name, ...command], withinMs);
  }

  /** Starts a program inside; it is stopped with the namespace. */
  start(
    command: readonly string[],
    o: { name?: string; cwd?: string; env?: Readonly<Record<string, string>> } = {},
  ): Program {
    const inside = ["ip", "netns", "exec", this.name, ...command];
    const program = new Program(inside, { name: command[0]!, ...o });
    this.#programs.push(program);
    return program;
  }

  /** Ends every process inside, by its id, and removes the namespace. */
  async close(): Promise<void> {
    await Promise.all(this.#programs.map((one) => one.stop()));
    await until(async () => (await this.#endAll()) === 0, { what: "the namespace to be empty" });
    await run(["ip", "netns", "del", this.name]);
    rmSync(`/etc/netns/${this.name}`, { recursive: true, force: true });
  }

  async #endAll(): Promise<number> {
    const pids = (await run(["ip", "netns", "pids", this.name])).split("\n").filter(Boolean);
    for (const pid of pids) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    return pids.length;
  }
}
