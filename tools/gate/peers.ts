import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

const POLICY = "/usr/sbin/policy-rc.d";

/** Debian packages that the stories talk to. */
export const TEST_PEERS = [
  "ca-certificates",
  "curl",
  "dnsutils",
  "iproute2",
  "unbound",
  "bind9",
  "nsd",
  "knot",
  "knot-dnsutils",
  "ldnsutils",
  "nginx-light",
  "vsftpd",
  "prometheus-node-exporter",
  "snmpd",
  "pebble",
  "chromium",
];

/** What the benches load with and compare against. */
export const BENCH_PEERS = [
  "dnsperf",
  "wrk",
  "nghttp2-client",
  "util-linux",
  "nginx-light",
  "varnish",
  "nsd",
  "knot",
  "gdnsd",
  "pdns-server",
  "pdns-backend-bind",
];

/**
 * Installs what is missing of the named Debian packages, if we are root on Debian. Returns why it
 * could not, or null when all are there. Services are kept from starting for that moment.
 */
export function installPeers(names: readonly string[], say: (line: string) => void): string | null {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return null;
  const list = missing.join(" ");
  if (!existsSync("/usr/bin/apt-get")) return `not installed, and this is no Debian: ${list}`;
  if (process.getuid?.() !== 0) return `not installed, and only root can: ${list}`;
  say(`Installing ${list} ...`);
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const words = install(missing) ?? null;
    return words === null ? null : `not installed: ${list}: ${words}`;
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true });
  }
}

/** One retry, after the package lists were fetched anew; then one by one, to get what can be had. */
function install(names: readonly string[]): string | null {
  let words = apt(["install", ...names]);
  if (words === null) return null;
  apt(["update"]);
  words = apt(["install", ...names]);
  if (words === null) return null;
  for (const name of names) apt(["install", name]);
  return names.every(isInstalled) ? null : words;
}

function apt(args: readonly string[]): string | null {
  const [verb, ...names] = args;
  const flags = ["-y", "-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=1"];
  if (verb === "install") flags.push("--no-install-recommends");
  const done = spawnSync("apt-get", [...flags, verb!, ...names], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: 300_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (done.status === 0) return null;
  return (done.stderr ?? "").trim().split("\n").at(-1) || `apt-get ended with ${done.status}`;
}

function isInstalled(name: string): boolean {
  const done = spawnSync("dpkg-query", ["-W", "-f", "$" + "{Status}", name], { encoding: "utf8" });
  return done.status === 0 && done.stdout.endsWith("ok installed");
}
