import type { CheckReport } from "../model/messages.ts";
import type { ForcedState, SnmpAgent, SnmpUser } from "../model/origin.ts";
import type {
  Snapshot,
  SnapshotDnsCheck,
  SnapshotNode,
  SnapshotOrigin,
  SnapshotSite,
} from "../model/snapshot.ts";

export type CheckKind = CheckReport["check"];

/** What one check does; `family` is null for a URL, whose host is found at run time. */
export type CheckPlan =
  | {
      readonly kind: "http";
      readonly family: 4 | 6;
      readonly address: string;
      readonly port: number;
      readonly scheme: "http" | "https";
      readonly host: string;
      readonly path: string;
      readonly statusMin: number;
      readonly statusMax: number;
      readonly statuses?: readonly number[];
      readonly method?: "GET" | "HEAD";
      readonly version?: 1 | 2;
      readonly headers?: Readonly<Record<string, string>>;
      readonly bodyHas?: string;
    }
  | {
      readonly kind: "tls";
      readonly family: 4 | 6;
      readonly address: string;
      readonly port: number;
      readonly serverName: string;
    }
  | ({ readonly kind: "dns"; readonly family: 4 | 6; readonly address: string } & SnapshotDnsCheck)
  | {
      readonly kind: "icmp";
      readonly family: 4 | 6;
      readonly address: string;
      /** Connected to where ping is forbidden. */
      readonly port: number;
    }
  | {
      readonly kind: "tcp";
      readonly family: 4 | 6;
      readonly address: string;
      readonly port: number;
    }
  | {
      readonly kind: "ftp";
      readonly family: 4 | 6;
      /** An IP literal, or (a node's own server) a host name. */
      readonly address: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly path?: string;
    }
  | { readonly kind: "exporter"; readonly family: null; readonly url: string }
  | { readonly kind: "load"; readonly family: null; readonly url: string }
  | {
      readonly kind: "snmp";
      readonly family: 4 | 6;
      readonly address: string;
      readonly port: number;
      readonly community: string;
      readonly v3?: SnmpUser;
    };

/** Kinds that ask a server for what it says of itself: never a verdict, and never timed. */
export const ASKING: ReadonlySet<CheckKind> = new Set(["exporter", "load", "snmp"]);

/** Where a check goes: an IP literal, or a name to be found first. */
export function hostOf(plan: CheckPlan): string {
  return "url" in plan ? new URL(plan.url).hostname : plan.address;
}

/** One origin or node, how it is checked, and how its state and load follow from the checks. */
export interface Target {
  readonly id: string;
  /** The customer whose it is; null for a node. */
  readonly owner: string | null;
  /** Targets that stand in for each other: one site's origins, or all caches. */
  readonly pool: string;
  readonly forced: ForcedState;
  readonly forcedUntilMs?: number;
  readonly families: readonly (4 | 6)[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly fall: number;
  readonly rise: number;
  readonly limitMs: number;
  /** A customer's addresses are vetted before each connection. */
  readonly vetted: boolean;
  readonly checks: readonly CheckPlan[];
  /** The kinds that must pass for the target to be up. */
  readonly deciding: readonly CheckKind[];
  /** The kinds whose response time is load. */
  readonly timed: readonly CheckKind[];
  /** Warn when a certificate ends within so many days. */
  readonly certificateDays: number;
  /** What a cache can carry, where its operator says so. */
  readonly most?: { readonly connectionsMax?: number; readonly bytesPerSecMax?: number };
}

const CERTIFICATE_DAYS = 14;
export const NODE_POOL = "node";
const NODE_CHECK = { intervalMs: 1000, timeoutMs: 900, fall: 2, rise: 3 } as const;
const HEALTH_PATH = "/.well-known/turnpike/health";

/** Everything that probes look at: all origins and every node that serves as a cache. */
export function targetsOf(snapshot: Snapshot): Target[] {
  const targets: Target[] = [];
  for (const site of snapshot.sites) {
    for (const index of site.origins) {
      const origin = snapshot.origins[index];
      if (origin !== undefined) targets.push(originTarget(site, origin));
    }
  }
  for (const node of snapshot.nodes) {
    if (node.roles.includes("edge")) targets.push(nodeTarget(snapshot, node));
  }
  return targets;
}

type Addressed = { readonly v4?: string; readonly v6?: string };

function addressesOf(from: Addressed): { family: 4 | 6; address: string }[] {
  const addresses: { family: 4 | 6; address: string }[] = [];
  if (from.v4 !== undefined) addresses.push({ family: 4, address: from.v4 });
  if (from.v6 !== undefined) addresses.push({ family: 6, address: from.v6 });
  return addresses;
}

function originTarget(site: SnapshotSite, origin: SnapshotOrigin): Target {
  const { check } = site;
  const addresses = addressesOf(origin);
  const checks = addresses.flatMap((at): CheckPlan[] => originChecks(site, origin, at));
  if (origin.exporter !== undefined) {
    checks.push({ kind: "exporter", family: null, url: origin.exporter });
  }
  if (origin.loadUrl !== undefined) {
    checks.push({ kind: "load", family: null, url: origin.loadUrl });
  }
  checks.push(...snmpOf(origin.snmp, addresses));
  const deciding: CheckKind[] = [];
  if (check.http !== null) deciding.push("http");
  if (check.tcp) deciding.push("tcp");
  if (check.ftp !== null) deciding.push("ftp");
  if (check.tls !== undefined) deciding.push("tls");
  if (check.dns !== undefined) deciding.push("dns");
  if (check.icmp === true) deciding.push("icmp");
  return {
    id: origin.id,
    owner: site.customer,
    pool: site.hostname,
    ...forcedOf(origin),
    families: addresses.map((at) => at.family),
    intervalMs: check.intervalMs,
    timeoutMs: check.timeoutMs,
    fall: check.fall,
    rise: check.rise,
    limitMs: site.limitMs,
    vetted: true,
    checks,
    deciding,
    timed: timedOf(deciding),
    certificateDays: check.certificateDays ?? CERTIFICATE_DAYS,
  };
}

/** One agent on one machine is asked at its first address. */
function snmpOf(
  agent: SnmpAgent | undefined,
  addresses: readonly { readonly family: 4 | 6; readonly address: string }[],
): CheckPlan[] {
  const [first] = addresses;
  if (agent === undefined || first === undefined) return [];
  const { port, community, v3 } = agent;
  return [{ ...first, kind: "snmp", port, community, ...(v3 === undefined ? {} : { v3 }) }];
}

/** To connect says little about load where something better is asked. */
function timedOf(deciding: readonly CheckKind[]): readonly CheckKind[] {
  const better = deciding.filter((kind) => kind !== "tcp" && kind !== "tls" && kind !== "icmp");
  return better.length > 0 ? better : deciding;
}

function originChecks(
  site: SnapshotSite,
  origin: SnapshotOrigin,
  at: { readonly family: 4 | 6; readonly address: string },
): CheckPlan[] {
  const { check } = site;
  const checks: CheckPlan[] = [];
  if (check.http !== null) {
    const { host = site.hostname, ...how } = check.http;
    const { scheme } = site;
    checks.push({
      ...at,
      kind: "http",
      port: origin.port,
      scheme,
      host,
      ...how,
    });
  }
  if (check.tcp) checks.push({ ...at, kind: "tcp", port: origin.port });
  if (check.ftp !== null)
    checks.push({ ...at, kind: "ftp", port: origin.ftpPort ?? 21, ...check.ftp });
  if (check.tls !== undefined) {
    const { port = origin.port, serverName = site.hostname } = check.tls;
    checks.push({ ...at, kind: "tls", port, serverName });
  }
  if (check.dns !== undefined) checks.push({ ...at, kind: "dns", ...check.dns });
  if (check.icmp === true) checks.push({ ...at, kind: "icmp", port: origin.port });
  return checks;
}

function nodeTarget(snapshot: Snapshot, node: SnapshotNode): Target {
  const addresses = addressesOf(node);
  const checks = addresses.map(
    (at): CheckPlan => ({
      ...at,
      kind: "http",
      port: snapshot.ports.http,
      scheme: "http",
      host: `c.${snapshot.zone}`,
      path: HEALTH_PATH,
      statusMin: 200,
      statusMax: 299,
    }),
  );
  if (node.ftp !== undefined) checks.push(nodeFtp(node.ftp));
  if (node.exporter !== undefined) {
    checks.push({ kind: "exporter", family: null, url: node.exporter });
  }
  checks.push(...snmpOf(node.snmp, addresses));
  return {
    id: node.id,
    owner: null,
    pool: NODE_POOL,
    ...forcedOf(node),
    families: addresses.map((at) => at.family),
    ...NODE_CHECK,
    limitMs: node.limitMs,
    vetted: false,
    checks,
    // A cache serves as long as it answers HTTP; its FTP server is a measure only.
    deciding: ["http"],
    timed: ["http", "ftp"],
    certificateDays: CERTIFICATE_DAYS,
    most: mostOf(node),
  };
}

function forcedOf({ forced, forcedUntilMs }: SnapshotOrigin | SnapshotNode) {
  return { forced, ...(forcedUntilMs === undefined ? {} : { forcedUntilMs }) };
}

function mostOf({ connectionsMax, bytesPerSecMax }: SnapshotNode): NonNullable<Target["most"]> {
  return {
    ...(connectionsMax === undefined ? {} : { connectionsMax }),
    ...(bytesPerSecMax === undefined ? {} : { bytesPerSecMax }),
  };
}

function nodeFtp(hostPort: string): CheckPlan {
  const { host, port } = splitHostPort(hostPort);
  const family = host.includes(":") ? 6 : 4;
  return { kind: "ftp", family, address: host, port, user: "anonymous", password: "turnpike@" };
}

/** `host:port` apart; brackets around an IPv6 host are taken off. */
export function splitHostPort(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(text.slice(colon + 1)) };
}
