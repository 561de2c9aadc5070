import type { Clock } from "../base/clock.ts";
import type { ClientRtt, NodeStats } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { groupEntries } from "../policy/snapshot/mod.ts";
import {
  compilePrefixes,
  familyOf,
  formatPrefix,
  type PrefixTable,
  parseAddress,
} from "../wire/ip/mod.ts";
import type { TcpPeer } from "../wire/probe/mod.ts";
import type { TcpDiag } from "./netlink.ts";

const SWEEP_MS = 3000;
/** Networks remembered: about 100 bytes each. The one heard of longest ago gives way. */
const NETWORKS_MAX = 20_000;
/** What was not heard of for so long is no news any more. */
const FRESH_MS = 60_000;
const EWMA_SHARE = 0.3;
/** Networks in no client group that are told, those with most connections, so often. */
const TOLD_MAX = 200;
const TOLD_EVERY_MS = 10_000;

interface Network {
  rttMs: number;
  atMs: number;
  /** Connections of the last sweep that saw any. */
  samples: number;
  readonly address: Uint8Array;
}

export interface ClientRttMeter {
  /** Connections at the last sweep; null where the kernel does not tell. */
  connections(): number | null;
  /** By client group, of the networks heard of in the last minute. */
  take(snapshot: Snapshot | null): Pick<NodeStats, "clientRtt" | "networks">;
  /** Asks the kernel now. */
  sweep(): void;
  stop(): void;
}

/**
 * Reads the kernel's smoothed round-trip times of client connections every few seconds, folded by
 * /24 and /48. It costs nothing on the way of a request. Connections from this machine itself tell
 * nothing of a network and are only counted.
 */
export function startClientRtt(o: {
  readonly diag: TcpDiag | null;
  readonly ports: readonly number[];
  /** What this cache listens on: other processes may have the same port at other addresses. */
  readonly hosts: readonly string[];
  readonly clock: Clock;
}): ClientRttMeter {
  const { diag, clock } = o;
  const networks = new Map<string, Network>();
  const every = o.hosts.some((host) => host === "0.0.0.0" || host === "::");
  const own = new Set(o.hosts.map((host) => parseAddress(host)?.toHex()));
  let connections: number | null = null;
  /** Other caches that ask this one are no clients. */
  let nodes: ReadonlySet<string> = new Set();
  let toldMs = Number.NEGATIVE_INFINITY;
  let nodesOf: Snapshot | null = null;
  let prefixes: { readonly snapshot: Snapshot; readonly table: PrefixTable } | null = null;

  const sweep = () => {
    if (diag === null) return;
    const seen = new Map<string, { address: Uint8Array; rtts: number[] }>();
    let count = 0;
    const take = ({ address, local, rttMs }: TcpPeer) => {
      if (!every && !own.has(local.toHex())) return;
      count++;
      if (rttMs === null || isOwn(address) || nodes.has(address.toHex())) return;
      const key = networkOf(address).toHex();
      const one = seen.get(key) ?? { address, rtts: [] };
      one.rtts.push(rttMs);
      seen.set(key, one);
    };
    const told = o.ports.map((port) => diag.dump(port, take));
    connections = told.includes(true) ? count : null;
    const atMs = clock.monoMs();
    for (const [key, { address, rtts }] of seen) remember(networks, key, { address, rtts, atMs });
  };
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();
  return {
    connections: () => connections,
    sweep,
    take(snapshot) {
      if (snapshot === null) return {};
      if (nodesOf !== snapshot) nodes = addressesOf(snapshot);
      nodesOf = snapshot;
      if (networks.size === 0) return {};
      if (prefixes?.snapshot !== snapshot) {
        const entries = groupEntries(snapshot).map(({ prefix, group }) => {
          return { prefix, value: group };
        });
        prefixes = { snapshot, table: compilePrefixes(entries) };
      }
      const nowMs = clock.monoMs();
      const { clientRtt, others } = byGroup(snapshot, prefixes.table, fresh(networks, nowMs));
      if (nowMs - toldMs < TOLD_EVERY_MS || others.length === 0) return { clientRtt };
      toldMs = nowMs;
      return { clientRtt, networks: toTell(others) };
    },
    stop: () => clearInterval(timer),
  };
}

function addressesOf({ nodes }: Snapshot): ReadonlySet<string> {
  const texts = nodes.flatMap(({ v4, v6 }) => [v4, v6]).filter((one) => one !== undefined);
  return new Set(texts.flatMap((text) => parseAddress(text)?.toHex() ?? []));
}

function remember(
  networks: Map<string, Network>,
  key: string,
  now: { readonly address: Uint8Array; readonly rtts: number[]; readonly atMs: number },
): void {
  const { address, rtts, atMs } = now;
  const rttMs = middle(rtts);
  const before = networks.get(key);
  const value = before === undefined ? rttMs : before.rttMs + EWMA_SHARE * (rttMs - before.rttMs);
  // Put in again, so that the map's order is by age.
  networks.delete(key);
  networks.set(key, { rttMs: value, atMs, samples: rtts.length, address });
  if (networks.size <= NETWORKS_MAX) return;
  const [oldest] = networks.keys();
  if (oldest !== undefined) networks.delete(oldest);
}

function fresh(networks: Map<string, Network>, nowMs: number): Network[] {
  for (const [key, { atMs }] of networks) {
    if (nowMs - atMs <= FRESH_MS) break;
    networks.delete(key);
  }
  return [...networks.values()];
}

/** The median over a group's networks, so that one far or lying network moves nothing; and those in none. */
function byGroup(
  snapshot: Snapshot,
  table: PrefixTable,
  networks: readonly Network[],
): { readonly clientRtt: Record<string, ClientRtt>; readonly others: Network[] } {
  const others: Network[] = [];
  const groups = new Map<number, { rtts: number[]; samples: number }>();
  for (const network of networks) {
    const { address, rttMs, samples } = network;
    const { value } = table.find(address, familyOf(address));
    if (value === 0) {
      others.push(network);
      continue;
    }
    const group = groups.get(value) ?? { rtts: [], samples: 0 };
    group.rtts.push(rttMs);
    group.samples += samples;
    groups.set(value, group);
  }
  const told: Record<string, ClientRtt> = {};
  for (const [index, { rtts, samples }] of groups) {
    const name = snapshot.groups[index]?.name;
    const rttMs = Math.round(middle(rtts) * 10) / 10;
    if (name !== undefined) told[name] = { rttMs, samples, networks: rtts.length };
  }
  return { clientRtt: told, others };
}

function toTell(networks: Network[]): NonNullable<NodeStats["networks"]> {
  const most = networks.sort((a, b) => b.samples - a.samples).slice(0, TOLD_MAX);
  return Object.fromEntries(
    most.map(({ address, rttMs, samples }) => {
      const whole = new Uint8Array(address.length);
      whole.set(networkOf(address));
      const bits = address.length === 4 ? 24 : 48;
      const prefix = formatPrefix({ family: familyOf(address), address: whole, bits });
      return [prefix, { rttMs: Math.round(rttMs * 10) / 10, samples }];
    }),
  );
}

function middle(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

function networkOf(address: Uint8Array): Uint8Array {
  return address.slice(0, address.length === 4 ? 3 : 6);
}

/** Loopback: this machine. */
function isOwn(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  return address[15] === 1 && address.subarray(0, 15).every((byte) => byte === 0);
}
