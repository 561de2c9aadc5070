import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf, BENCH_ZONE, clientPrefixes, hostnames } from "./dns-world.ts";

/** How a peer is started: one UDP thread, logs off, no rate limit, the zone from a file. */
export interface Peer {
  readonly name: string;
  readonly binary: string;
  /** Prints the version, somewhere in its output. */
  readonly version: readonly string[];
  /** Writes its files into `dir` and returns its arguments. */
  prepare(dir: string, port: number): readonly string[];
}

/** The zone as a master file. */
export function zoneFile(names: number): string {
  const head = `$TTL 20
@ IN SOA ns-a.cdn.example. hostmaster.cdn.example. 1 3600 600 604800 5
@ IN NS ns-a.cdn.example.
`;
  const records = hostnames(names).map((name, i) => `${name}. IN A ${addressOf(i, 1)}\n`);
  return head + records.join("");
}

function write(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
}

export function peers(names: number): Peer[] {
  const zone = zoneFile(names);
  return [nsd(zone), knot(zone), gdnsd(zone), pdns(zone)];
}

/** Those that sign the zone themselves when they load it, by ECDSA P-256. */
export function signingPeers(names: number): Peer[] {
  return [knot(zoneFile(names), "    dnssec-signing: on\n")];
}

/** Those that give cookies (RFC 7873); gdnsd does so anyway. */
export function cookiePeers(names: number): Peer[] {
  const zone = zoneFile(names);
  return [
    nsd(zone, `  answer-cookie: yes\n  cookie-secret: ${"5a".repeat(16)}\n`),
    knotOfCookies(zone),
    gdnsd(zone),
  ];
}

/**
 * Those that choose by client subnet from one table of prefixes for all names. Knot's and PowerDNS'
 * tables are by name: as many entries as names times prefixes.
 */
export function subnetPeers(names: number, prefixes: number): Peer[] {
  return [gdnsdBySubnet(names, prefixes)];
}

function nsd(zone: string, more = ""): Peer {
  return {
    name: "nsd",
    binary: "nsd",
    version: ["-v"],
    prepare: (dir, port) => {
      write(dir, {
        "zone.txt": zone,
        "nsd.conf": `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  server-count: 1
  zonesdir: "${dir}"
  zonelistfile: "${dir}/zone.list"
  xfrdfile: "${dir}/xfrd.state"
  xfrdir: "${dir}"
  pidfile: "${dir}/nsd.pid"
  logfile: "${dir}/nsd.log"
  verbosity: 0
  rrl-ratelimit: 0
${more}remote-control:
  control-enable: no
zone:
  name: ${BENCH_ZONE}
  zonefile: zone.txt
`,
      });
      return ["-d", "-c", join(dir, "nsd.conf")];
    },
  };
}

function knotOfCookies(zone: string): Peer {
  return knot(zone, "    global-module: mod-cookies\n", "template");
}

function knot(zone: string, more = "", to: "zone" | "template" = "zone"): Peer {
  return {
    name: "knot",
    binary: "knotd",
    version: ["--version"],
    prepare: (dir, port) => {
      write(dir, {
        "zone.txt": zone,
        "knot.conf": `server:
  listen: 127.0.0.1@${port}
  rundir: "${dir}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: critical
database:
  storage: "${dir}"
template:
  - id: default
    storage: "${dir}"
    journal-content: none
${to === "template" ? more : ""}zone:
  - domain: ${BENCH_ZONE}
    file: zone.txt
${to === "zone" ? more : ""}`,
      });
      return ["-c", join(dir, "knot.conf")];
    },
  };
}

/** Every name the same two addresses, in an order that depends on the client's prefix. */
function gdnsdBySubnet(names: number, prefixes: number): Peer {
  const head = zoneFile(0);
  const zone =
    head +
    hostnames(names)
      .map((name) => `${name}. DYNA geoip!both\n`)
      .join("");
  const nets = clientPrefixes(prefixes).map(
    (prefix, i) =>
      `      ${prefix} => [${Math.floor(i / 100) % 2 === 0 ? "one, two" : "two, one"}]\n`,
  );
  return gdnsd(
    zone,
    `plugins => { geoip => {
  maps => { where => { datacenters => [one, two], nets => {
${nets.join("")}  } } }
  resources => { both => {
    map => where, service_types => up, dcmap => { one => 10.1.0.1, two => 10.2.0.1 }
  } }
} }
`,
  );
}

function gdnsd(zone: string, more = ""): Peer {
  return {
    name: "gdnsd",
    binary: "gdnsd",
    version: ["-?"],
    prepare: (dir, port) => {
      write(dir, {
        [`zones/${BENCH_ZONE}`]: zone,
        config: `options => {
  listen => 127.0.0.1:${port}
  run_dir => ${dir}/run
  state_dir => ${dir}/state
  udp_threads => 1
  tcp_threads => 1
}
${more}`,
      });
      return ["-c", dir, "start"];
    },
  };
}

function pdns(zone: string): Peer {
  return {
    name: "pdns",
    binary: "pdns_server",
    version: ["--version"],
    prepare: (dir, port) => {
      write(dir, {
        "zone.txt": zone,
        "bind.conf": `zone "${BENCH_ZONE}" { type native; file "${dir}/zone.txt"; };\n`,
        "pdns.conf": `launch=bind
bind-config=${dir}/bind.conf
local-address=127.0.0.1
local-port=${port}
socket-dir=${dir}
receiver-threads=1
distributor-threads=1
loglevel=0
daemon=no
guardian=no
disable-syslog=yes
`,
      });
      return [`--config-dir=${dir}`];
    },
  };
}

/** `nsd 4.6.1`, or null when it is not installed. */
export function versionOf(peer: Peer): string | null {
  const run = spawnSync(peer.binary, [...peer.version], { encoding: "utf8" });
  if (run.error !== undefined) return null;
  const version = /\d+\.\d+(\.\d+)?/.exec(
    `${run.stdout}${run.stderr}`.replace(/^.*?\d\d:\d\d:\d\d/, ""),
  );
  return version === null ? peer.name : `${peer.name} ${version[0]}`;
}
