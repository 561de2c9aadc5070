/** A name server with signed zones, and validators that trust their keys and nothing else. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { seededRng } from "../../src/base/rng.ts";
import { makeZoneKey } from "../../src/control/keys-make.ts";
import { compileWorld, healthOf, WORLD } from "../../src/dns/hot/world.fixture.ts";
import { type DnsServer, startDns } from "../../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import { noUsage } from "../../src/model/usage.ts";
import type { ZoneKey } from "../../src/model/zone-keys.ts";
import { findProgram } from "./needs.ts";
import { Program } from "./process.ts";

/** Three kinds of zones, of both algorithms. */
export const SIGNED = {
  "cdn.example": 13,
  "hosted.example": 15,
  "www.shop.example": 13,
} as const;

const EXTRA = [
  { name: "*.wild", type: "A", value: "192.0.2.77" },
  { name: "*.wild", type: "TXT", value: "wild" },
];

function signedWorld() {
  const world = structuredClone(WORLD) as typeof WORLD & { dnssec?: boolean };
  world.dnssec = true;
  const [zone] = world.customers[0]!.zones!;
  Object.assign(zone!, { dnssec: true });
  zone!.records.push(...EXTRA);
  Object.assign(world.customers[0]!.sites[0]!, { dnssec: true });
  return compileWorld(world);
}

/** A feed of keys that a test changes by hand. */
export class HandKeys {
  #keys: readonly ZoneKey[];
  readonly #listeners = new Set<() => void>();

  constructor(keys: readonly ZoneKey[]) {
    this.#keys = keys;
  }

  keys(): readonly ZoneKey[] {
    return this.#keys;
  }

  onKeys(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(keys: readonly ZoneKey[]): void {
    this.#keys = keys;
    for (const listener of this.#listeners) listener();
  }
}

export interface SignedServer {
  readonly dns: DnsServer;
  readonly port: number;
  readonly keys: HandKeys;
  /** Health in which these are down. */
  observe(down: readonly string[]): void;
}

export async function startSigned(host = "127.0.0.1"): Promise<SignedServer> {
  const snapshot = signedWorld();
  let health = healthOf(snapshot);
  const onHealth = new Set<() => void>();
  const made = Object.entries(SIGNED).map(([zone, algorithm]) =>
    makeZoneKey({ zone, algorithm, state: "active" }),
  );
  const keys = new HandKeys(made);
  const dns = await startDns({
    node: "a",
    listen: { hosts: [host], port: 0 },
    feed: {
      snapshot: () => snapshot,
      health: () => health,
      assignment: () => NO_ASSIGNMENT,
      onSnapshot: () => () => {},
      onHealth: (listener) => {
        onHealth.add(listener);
        return () => onHealth.delete(listener);
      },
    },
    keys,
    meter: { of: () => noUsage() },
    clock: realClock,
    rng: seededRng(1),
    log: silentLog,
  });
  return {
    dns,
    port: dns.port,
    keys,
    observe(down) {
      health = { ...healthOf(snapshot, {}, down), number: health.number + 1 };
      for (const listener of onHealth) listener();
    },
  };
}

/** DNSKEY lines of a zone's keys in these states, as trust anchors. */
export function anchorsOf(keys: readonly ZoneKey[], states = ["active"]): string[] {
  return keys
    .filter((key) => states.includes(key.state))
    .map((key) => `${key.zone}. 257 3 ${key.algorithm} "${key.publicKey}"`);
}

/** Asks by delv, which validates by itself. */
export async function delv(
  o: {
    readonly dir: string;
    readonly host?: string;
    readonly port: number;
    /** DNSKEY or DS lines. */
    readonly anchors: readonly string[];
  },
  ...words: readonly string[]
): Promise<string> {
  const path = join(o.dir, "anchors.conf");
  const lines = o.anchors.map((line) => {
    const [zone, ...rest] = line.replace(" IN DS ", " ").split(" ");
    const digest = line.includes(" IN DS ");
    if (digest) rest.push(`"${rest.pop()}"`);
    return `  "${zone}" static-${digest ? "ds" : "key"} ${rest.join(" ")};`;
  });
  writeFileSync(path, `trust-anchors {\n${lines.join("\n")}\n};\n`);
  const name = words[0]!;
  const zone = Object.keys(SIGNED).find((one) => name === one || name.endsWith(`.${one}`));
  const program = new Program([
    findProgram("delv")!,
    `@${o.host ?? "127.0.0.1"}`,
    ...["-p", String(o.port), "-a", path, `+root=${zone}`],
    ...words,
  ]);
  await program.ended();
  return program.output;
}

/** unbound with our zones as stubs; `port` is ours. */
export async function startUnbound(o: {
  readonly dir: string;
  readonly address: string;
  readonly port: number;
  readonly serverPort: number;
  readonly anchors: readonly string[];
  /** Other zones, by the port of their server. */
  readonly stubs: Readonly<Record<string, number>>;
}): Promise<Program> {
  mkdirSync(o.dir, { recursive: true });
  const anchors = o.anchors.map((line) => {
    const [zone, ...rest] = line.replaceAll('"', "").split(" ");
    return `${zone} IN DNSKEY ${rest.join(" ")}\n`;
  });
  writeFileSync(join(o.dir, "anchors.key"), anchors.join(""));
  const ours = Object.keys(SIGNED).map((zone) => [zone, o.serverPort] as const);
  const stubs = [...ours, ...Object.entries(o.stubs)].map(([zone, port]) => {
    return `stub-zone:\n  name: "${zone}"\n  stub-addr: 127.0.0.1@${port}\n`;
  });
  const path = join(o.dir, "unbound.conf");
  writeFileSync(
    path,
    `server:
  interface: ${o.address}
  port: ${o.port}
  access-control: 127.0.0.0/8 allow
  module-config: "validator iterator"
  trust-anchor-file: "${o.dir}/anchors.key"
  aggressive-nsec: yes
  do-not-query-localhost: no
  domain-insecure: "test"
  directory: "${o.dir}"
  chroot: ""
  username: ""
  pidfile: "${o.dir}/unbound.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  do-ip6: no
  num-threads: 1
  outgoing-range: 64
remote-control:
  control-enable: no
${stubs.join("")}`,
  );
  return new Program([findProgram("unbound")!, "-d", "-c", path], { name: "unbound" });
}
