/**
 * A small internet of names on loopback: a signed root and `example`, served by NSD, that delegate
 * signed zones to us; and resolvers, unbound and BIND, that know the root's address and its key.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./needs.ts";
import { nsdConf } from "./peers.ts";
import { Program } from "./process.ts";

export interface Delegation {
  readonly zone: string;
  /** Names of its servers; those below `example` get their addresses as glue. */
  readonly servers: Readonly<Record<string, string>>;
  /** DS lines; none for a zone that is not signed. */
  readonly ds: readonly string[];
}

export interface Roots {
  readonly program: Program;
  /** DNSKEY of the root: the one thing that validators are told. */
  readonly anchor: string;
}

/** The programs that this needs besides the resolvers. */
export const ROOT_NEEDS = ["root", "nsd", "dnssec-keygen", "dnssec-signzone"];

/** Serves the root, `example`, and zones of other people's that are not signed. */
export function startRoots(o: {
  readonly dir: string;
  readonly address: string;
  readonly delegations: readonly Delegation[];
  readonly unsigned: Readonly<Record<string, string>>;
}): Roots {
  mkdirSync(o.dir, { recursive: true });
  const soa = (zone: string) => `${zone} 60 IN SOA a.root. host.example. 1 3600 600 86400 60\n`;
  const own = `a.root. 3600 IN A ${o.address}\n`;
  const below = o.delegations.map(({ zone, servers, ds }) => {
    const names = Object.keys(servers).map((name) => `${zone}. 3600 IN NS ${name}.\n`);
    return [...names, ...ds.map((line) => `${line}\n`)].join("");
  });
  const hosts = new Map(o.delegations.flatMap(({ servers }) => Object.entries(servers)));
  const glue = [...hosts].map(([name, address]) => `${name}. 3600 IN A ${address}\n`);
  const example = signZone(o.dir, "example.", [
    soa("example."),
    "example. 3600 IN NS a.root.\n",
    ...below,
    ...glue,
  ]);
  const root = signZone(o.dir, ".", [
    soa("."),
    ". 3600 IN NS a.root.\n",
    own,
    "example. 3600 IN NS a.root.\n",
    example.ds,
  ]);
  const zones = { ".": root.text, example: example.text, ...o.unsigned };
  const conf = nsdConf({ dir: join(o.dir, "nsd"), address: o.address, zones });
  const program = new Program([findProgram("nsd")!, "-d", "-c", conf], { name: "nsd" });
  return { program, anchor: root.key };
}

/** One key signs all; its DNSKEY and DS lines come back with the signed zone. */
function signZone(dir: string, zone: string, lines: readonly string[]) {
  const folder = join(dir, zone === "." ? "root" : zone);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "zone"), lines.join(""));
  runIn(folder, ["dnssec-keygen", "-q", "-a", "13", "-f", "KSK", zone]);
  const key = readdirSync(folder).find((name) => name.endsWith(".key"))!;
  runIn(folder, ["dnssec-signzone", "-S", "-z", "-q", "-o", zone, "-f", "signed", "zone"]);
  const keyLine = readFileSync(join(folder, key), "utf8")
    .split("\n")
    .find((l) => /^[^;]/.test(l))!;
  return {
    text: readFileSync(join(folder, "signed"), "utf8"),
    key: keyLine,
    ds: runIn(folder, ["dnssec-dsfromkey", "-2", key]),
  };
}

function runIn(cwd: string, [name, ...args]: readonly [string, ...string[]]): string {
  const done = spawnSync(findProgram(name)!, args, { cwd, encoding: "utf8" });
  if (done.status === 0) return done.stdout;
  throw new Error(`${name} ended with ${done.status}: ${done.stderr}`);
}

interface ResolverOptions {
  readonly dir: string;
  readonly address: string;
  readonly rootAddress: string;
  readonly anchor: string;
}

function writeHints(o: Omit<ResolverOptions, "address">): void {
  mkdirSync(o.dir, { recursive: true });
  const hints = `. 3600 IN NS a.root.\na.root. 3600 IN A ${o.rootAddress}\n`;
  writeFileSync(join(o.dir, "root.hints"), hints);
}

/** Validates, uses NSEC of others (RFC 8198), and sends the client's /24 on (RFC 7871). */
export function startUnbound(
  o: ResolverOptions & {
    /** Addresses of servers that are told the client's subnet. */
    readonly subnetTo: readonly string[];
  },
): Program {
  writeHints(o);
  writeFileSync(join(o.dir, "root.key"), `${o.anchor}\n`);
  const path = join(o.dir, "unbound.conf");
  const told = o.subnetTo.map((address) => `  send-client-subnet: ${address}\n`);
  writeFileSync(
    path,
    `server:
  interface: ${o.address}
  access-control: 127.0.0.0/8 allow
  module-config: "${told.length > 0 ? "subnetcache " : ""}validator iterator"
${told.join("")}  trust-anchor-file: "${o.dir}/root.key"
  root-hints: "${o.dir}/root.hints"
  aggressive-nsec: yes
  do-not-query-localhost: no
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
`,
  );
  return new Program([findProgram("unbound")!, "-d", "-c", path], { name: "unbound" });
}

/**
 * Validates, and uses NSEC of others (RFC 8198). It listens on 127.0.0.1: BIND takes only addresses that
 * an interface has. As a resolver it sends no client subnet; its makers keep that for subscribers.
 */
export function startNamed(o: Omit<ResolverOptions, "address"> & { port: number }): Program {
  writeHints(o);
  const [, , , , flags, protocol, algorithm, ...key] = o.anchor
    .replace(" IN ", " 0 IN ")
    .split(/\s+/);
  const path = join(o.dir, "named.conf");
  writeFileSync(
    path,
    `options {
  directory "${o.dir}";
  pid-file "${o.dir}/named.pid";
  session-keyfile "${o.dir}/session.key";
  listen-on port ${o.port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion yes;
  allow-query { 127.0.0.0/8; };
  allow-recursion { 127.0.0.0/8; };
  dnssec-validation yes;
  synth-from-dnssec yes;
  empty-zones-enable no;
  minimal-responses no;
};
controls { };
trust-anchors { . static-key ${flags} ${protocol} ${algorithm} "${key.join("")}"; };
zone "." { type hint; file "${o.dir}/root.hints"; };
`,
  );
  const command = [findProgram("named")!, "-g", "-4", "-n", "1", "-c", path];
  return new Program(command, { name: "named" });
}
