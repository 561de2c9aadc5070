import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DnsServerOptions, DnsServerPlace } from "../fixtures/dns-server.ts";
import { Program } from "./process.ts";
import { ROOT } from "./turnpike.ts";

/** A name server in a process of its own, whose memory and counters can be read. */
export class DnsProcess {
  readonly #program: Program;
  readonly place: DnsServerPlace;

  private constructor(program: Program, place: DnsServerPlace) {
    this.#program = program;
    this.place = place;
  }

  static async start(o: DnsServerOptions = {}): Promise<DnsProcess> {
    const file = join(ROOT, "test/fixtures/dns-server.ts");
    const program = new Program([process.execPath, file, JSON.stringify(o)], { name: "dns" });
    await program.says("\n");
    return new DnsProcess(program, JSON.parse(program.output.split("\n")[0]!));
  }

  /** Resident octets, after what is not held was collected. */
  async rssBytes(): Promise<number> {
    await fetch(`${this.place.metrics}/gc`);
    const text = readFileSync(`/proc/${this.#program.pid}/statm`, "utf8");
    return Number(text.split(" ")[1]) * 4096;
  }

  async metrics(): Promise<string> {
    return await (await fetch(this.place.metrics)).text();
  }

  /** One counter, by the start of its line. */
  async counter(name: string): Promise<number> {
    return counterOf(await this.metrics(), name);
  }

  get running(): boolean {
    return this.#program.running;
  }

  async stop(): Promise<void> {
    await this.#program.kill();
  }
}

/** One counter of a scrape, by the start of its line. */
export function counterOf(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`turnpike_dns_${name} `));
  return line === undefined ? 0 : Number(line.split(" ").at(-1));
}
