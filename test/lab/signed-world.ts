/** A name server with signed zones, and validators that trust their keys and nothing else. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { seededRng } from "../../src/base/rng.ts";
import { dsLine } from "../../src/control/keys.ts";
import { makeZoneKey } from "../../src/control/keys-make.ts";
import { compileWorld, healthOf, targetOf, WORLD } from "../../src/dns/hot/world.fixture.ts";
import { type DnsOptions, type DnsServer, startDns } from "../../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import { noUsage } from "../../src/model/usage.ts";
import type { ZoneKey } from "../../src/model/zone-keys.ts";
import { findProgram } from "./needs.ts";
import { Program } from "./process.ts";

/** Three kinds of zones, of both algorithms; and one of ours below another of ours. */
export const SIGNED = {
  "cdn.example": 13,
  "hosted.example": 15,
  "www.shop.example": 13,
  "in.between.hosted.example": 13,
} as const;
/** The zone whose DS record is one of our own. */
const INNER = "in.between.hosted.example";
/** A zone of ours below a signed one, which is not signed itself. */
export const BARE = "bare.hosted.example";

const EXTRA = [
  { name: "*.wild", type: "A", value: "192.0.2.77" },
  { name: "*.wild", type: "TXT", value: "wild" },
];

/** Names and types that have an answer. */
export const LIVE: readonly (readonly [string, string])[] = [
  ["www.shop.example", "A"],
  ["www.shop.example", "AAAA"],
  ["www.shop.example", "SOA"],
  ["c.cdn.example", "A"],
  ["c.cdn.example", "AAAA"],
  ["www.shop.example.cdn.example", "A"],
  [`${targetOf("img.shop.example")}.gtm.cdn.example`, "A"],
  ["ns-a.cdn.example", "A"],
  ["cdn.example", "NS"],
  ["cdn.example", "DNSKEY"],
  ["hosted.example", "TXT"],
  ["hosted.example", "NS"],
  ["hosted.example", "DNSKEY"],
  ["hosted.example", "CDS"],
  ["hosted.example", "CDNSKEY"],
  ["www.hosted.example", "A"],
  ["mail.hosted.example", "A"],
  ["alias.hosted.example", "A"],
  ["first.hosted.example", "A"],
  ["a.b.deep.hosted.example", "A"],
  ["x.wild.hosted.example", "A"],
  ["y.x.wild.hosted.example", "TXT"],
  ["big.hosted.example", "TXT"],
  [INNER, "DS"],
  [INNER, "DNSKEY"],
  [`www.${INNER}`, "A"],
];

/** No such name, no such type, nothing but names below, a wildcard without the type. */
export const DENIED: readonly (readonly [string, string])[] = [
  ["none.hosted.example", "A"],
  ["below.none.hosted.example", "TXT"],
  ["mail.hosted.example", "AAAA"],
  ["www.hosted.example", "AAAA"],
  ["www.shop.example", "TXT"],
  ["deep.hosted.example", "A"],
  ["b.deep.hosted.example", "TXT"],
  ["x.wild.hosted.example", "AAAA"],
  ["sub.hosted.example", "DS"],
  [BARE, "DS"],
  ["between.hosted.example", "A"],
  [INNER, "MX"],
  [`none.${INNER}`, "A"],
  ["gone.hosted.example", "A"],
  ["gtm.cdn.example", "A"],
  ["nothing.cdn.example", "A"],
  ["a.www.shop.example", "A"],
];

function signedWorld(change: (world: typeof WORLD) => void, keys: readonly ZoneKey[]) {
  const world = structuredClone(WORLD) as typeof WORLD & { dnssec?: boolean };
  world.dnssec = true;
  const [zone] = world.customers[0]!.zones!;
  Object.assign(zone!, { dnssec: true });
  const ds = keys.filter((key) => key.zone === INNER).map((key) => dsLine(key).split(" DS ")[1]!);
  zone!.records.push(...EXTRA, ...ds.map((value) => ({ name: "in.between", type: "DS", value })));
  const records = [{ name: "www", type: "A", value: "192.0.2.88" }];
  (world.customers[0]!.zones as object[]).push(
    { name: INNER, dnssec: true, records },
    { name: BARE, records },
  );
  Object.assign(world.customers[0]!.sites[0]!, { dnssec: true });
  change(world);
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

/** By default on a free port of one loopback address. `change` is made to the world first. */
export async function startSigned(
  o: {
    readonly listen?: Partial<DnsOptions["listen"]>;
    readonly tls?: NonNullable<DnsOptions["tls"]>;
    readonly change?: (world: typeof WORLD) => void;
  } = {},
): Promise<SignedServer> {
  const made = Object.entries(SIGNED).map(([zone, algorithm]) =>
    makeZoneKey({ zone, algorithm, state: "active" }),
  );
  const snapshot = signedWorld(o.change ?? (() => {}), made);
  let health = healthOf(snapshot);
  const onHealth = new Set<() => void>();
  const keys = new HandKeys(made);
  const dns = await startDns({
    node: "a",
    listen: { hosts: ["127.0.0.1"], port: 0, ...o.listen },
    ...(o.tls && { tls: o.tls }),
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
