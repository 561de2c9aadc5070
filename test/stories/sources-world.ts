import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { Machine } from "../../src/cli/demo/origin/exporter.ts";
import { type Fleet, startFleet } from "../../src/cli/fleet.ts";
import type { Explanation } from "../../src/model/api/mod.ts";
import { nodeFile } from "../../src/model/node-file.ts";
import { addressesOf, ask } from "../lab/ask.ts";
import { findProgram } from "../lab/needs.ts";
import { vsftpdConf } from "../lab/peers.ts";
import { Program } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode } from "../lab/small-network.ts";
import { Turncoat } from "../lab/turncoat.ts";
import { Api, Folder, loopback } from "../lab/turnpike.ts";

/** Sites, one for each source of an origin's load; each has two origins. */
export const KINDS = ["cpu", "memory", "network", "http", "ftp", "snmp", "push"] as const;
export type Kind = (typeof KINDS)[number];
export const CLIENT = "198.51.100.7";
const SNMP_PORT = 1161;
const EXPORTER_PORT = 9100;

/** What stands behind one public address. */
export interface Machinery {
  readonly address: string;
  readonly machine: Machine;
  readonly web: Turncoat;
  readonly ftp: Turncoat;
}

/**
 * Two nodes with a cache each and seven sites with two origins each, as processes of their own, and
 * real servers behind links that can be slowed: nginx, vsftpd and snmpd. What must differ on one
 * machine and cannot, its processors, memory and network, is told by exporters in node_exporter's
 * format.
 */
export class SourcesWorld {
  readonly at = loopback();
  readonly api = new Api(`http://${this.at(1)}:${PORTS.control}`);
  readonly #folder = new Folder();
  readonly #programs = new Map<string, Program>();
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #machinery = new Map<string, Machinery>();
  #fleet: Fleet | null = null;
  /** Whether the exporters of caches tell of their network: what they tell goes before their own word. */
  cachesTellNetwork = false;

  static async start(): Promise<SourcesWorld> {
    const world = new SourcesWorld();
    try {
      await world.#start();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  async close(): Promise<void> {
    await this.#fleet?.stop();
    for (const close of this.#closers) await close();
    for (const program of this.#programs.values()) await program.kill();
    this.#folder.remove();
  }

  pid(node: string): number {
    return this.#fleet?.pids()[node] ?? 0;
  }

  /** The machinery behind an address that was answered. */
  of(address: string): Machinery {
    const found = this.#machinery.get(address);
    if (found === undefined) throw new Error(`${address} is none of ours`);
    return found;
  }

  async answered(name: string): Promise<string> {
    const packet = await ask({ host: this.at(1), port: PORTS.dns }, name, "A", 5000);
    return addressesOf(packet)[0] ?? "";
  }

  async explained(name: string, address: string) {
    const path = `/explain?name=${name}&client=${CLIENT}`;
    const { decision }: Explanation = await this.api.must("GET", path);
    return decision?.reasons.find((one) => one.v4 === address);
  }

  /** Real servers at two addresses of their own, and what stands before them. */
  async #start(): Promise<void> {
    for (const [i, host] of [this.at(200), this.at(201)].entries()) {
      this.#startNginx(host, i);
      const dir = this.#folder.join(`ftp${i}`);
      this.#run(`vsftpd${i}`, "vsftpd", vsftpdConf({ dir, address: host }));
    }
    for (const [k] of KINDS.entries()) {
      for (const i of [0, 1]) this.#stand(this.at(20 + 2 * k + i), this.at(200 + i), PORTS.origin);
    }
    // A cache is asked where clients reach it, which is not where it listens.
    for (const i of [0, 1])
      this.#stand(this.at(11 + i), this.at(1 + i), PORTS.http, this.at(200 + i));
    const nodes = ["one", "two"].map((name, i) =>
      nodeFile.parse({
        ...smallNode({ address: this.at(1 + i), data: this.#folder.join(name) }),
        name,
        roles: i === 0 ? ["control", "dns", "edge", "probe"] : ["edge"],
        addresses: { v4: this.at(11 + i) },
      }),
    );
    this.#fleet = await startFleet({ nodes, log: silentLog, logLevel: "error" });
    await this.api.signIn();
  }

  #stand(address: string, real: string, port: number, ftpHost = real): void {
    const machine = new Machine(realClock, { cpu: 0.05, memory: 0.3, networkBytesPerSec: 0 });
    const exporter = Bun.serve({
      hostname: address,
      port: EXPORTER_PORT,
      fetch: () => new Response(this.#metrics(address, machine)),
    });
    const web = new Turncoat({ host: address, port }, { host: real, port });
    const ftp = new Turncoat({ host: address, port: 21 }, { host: ftpHost, port: 21 });
    this.#closers.push(
      () => web.close(),
      () => ftp.close(),
      () => exporter.stop(true),
    );
    this.#machinery.set(address, { address, machine, web, ftp });
    // SNMP agents stand where they are asked: each says what its machine is told to say.
    this.setFreeMemory(address, 900_000, address === this.at(30) || address === this.at(31));
  }

  #metrics(address: string, machine: Machine): string {
    const isCache = address === this.at(11) || address === this.at(12);
    const lines = machine.metrics().split("\n");
    if (!isCache || this.cachesTellNetwork) return lines.join("\n");
    return lines.filter((line) => !line.includes("node_network")).join("\n");
  }

  /** (Re)starts the agent of an address with so many of 1,000,000 kB free. */
  async setFreeMemory(address: string, kib: number, wanted = true): Promise<void> {
    if (!wanted) return;
    const name = `snmpd ${address}`;
    await this.#programs.get(name)?.kill();
    const memory = [
      [5, 1_000_000],
      [6, kib],
      [14, 0],
      [15, 0],
    ].map(([leaf, value]) => `override .1.3.6.1.4.1.2021.4.${leaf}.0 integer ${value}\n`);
    // Its processors stand still: what this machine does besides is no matter here.
    for (const leaf of [50, 51, 52, 53, 54, 55, 56]) {
      memory.push(`override .1.3.6.1.4.1.2021.11.${leaf}.0 counter 1000\n`);
    }
    const conf = `agentaddress udp:${address}:${SNMP_PORT}\nrocommunity public 127.0.0.0/8\n`;
    const path = this.#folder.file(`${address}.snmpd.conf`, conf + memory.join(""));
    const pid = this.#folder.join(`${address}.snmpd.pid`);
    this.#run(name, "snmpd", "-f", "-C", "-c", path, "-p", pid, "-Le");
  }

  #run(name: string, program: string, ...args: readonly string[]): void {
    const env = { SNMP_PERSISTENT_DIR: this.#folder.join("snmp") };
    this.#programs.set(
      name,
      new Program([findProgram(program) ?? program, ...args], { name, env }),
    );
  }

  #startNginx(host: string, i: number): void {
    const dir = this.#folder.join(`nginx${i}`);
    mkdirSync(join(dir, "www"), { recursive: true });
    writeFileSync(join(dir, "www/index.html"), "<p>all well</p>");
    writeFileSync(join(dir, "www/big.bin"), new Uint8Array(1_000_000));
    const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${dir}/temp;`,
    );
    writeFileSync(
      join(dir, "nginx.conf"),
      `user root; daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr; events {}
http { access_log off; ${temp.join(" ")}
  server { listen ${host}:${PORTS.origin}; root ${dir}/www; add_header cache-control "max-age=600"; } }`,
    );
    this.#run(`nginx${i}`, "nginx", "-c", join(dir, "nginx.conf"));
  }

  async publish(): Promise<void> {
    const small = smallNetwork({ address: this.at(1), origins: [] });
    const nodes = ["one", "two"].map((name, i) => {
      const address = this.at(11 + i);
      const exporter = `http://${address}:${EXPORTER_PORT}/metrics`;
      return {
        name,
        pop: "here",
        roles: i === 0 ? ["control", "dns", "edge", "probe"] : ["edge"],
        addresses: { v4: address },
        measure: {
          exporter,
          ftp: `${address}:21`,
          connectionsMax: 40,
          bytesPerSecMax: 4_000_000,
        },
      };
    });
    const sites = KINDS.map((kind, k) => this.#site(kind, k));
    const customers = [{ name: "shop", plan: "by-use", sites }];
    await this.api.must("POST", "/apply", { network: { ...small, nodes, customers } });
  }

  #site(kind: Kind, k: number) {
    return {
      hostname: `${kind}.shop.example`,
      onboarding: "delegation",
      port: PORTS.origin,
      ttlSec: 1,
      steering: { margin: 0 },
      check: kind === "ftp" ? { ftp: {} } : {},
      origins: [0, 1].map((i) => {
        const v4 = this.at(20 + 2 * k + i);
        const scraped = ["cpu", "memory", "network"].includes(kind);
        return {
          name: `o${i}`,
          v4,
          ...(scraped ? { exporter: `http://${v4}:${EXPORTER_PORT}/metrics` } : {}),
          ...(kind === "snmp" ? { snmp: { port: SNMP_PORT } } : {}),
        };
      }),
    };
  }
}
