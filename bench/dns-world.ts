import { type Health, NO_HEALTH, type TargetHealth } from "../src/model/health.ts";
import { network } from "../src/model/network.ts";
import type { Snapshot } from "../src/model/snapshot.ts";
import { compile } from "../src/policy/snapshot/mod.ts";

/** The zone that every server is asked about. */
export const BENCH_ZONE = "bench.example";

export interface DnsWorld {
  /** Hostnames `w0.bench.example`, `w1...`, each with two web servers that are steered. */
  readonly names: number;
  /** Client prefixes, a hundred to a group; 0 for none. */
  readonly prefixes: number;
  /** The zone is signed, by ECDSA P-256. */
  readonly signed?: boolean;
}

export function hostnames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `w${i}.${BENCH_ZONE}`);
}

export function addressOf(i: number, server: number): string {
  return `10.${server}.${(i >> 8) & 255}.${i & 255}`;
}

/** A /24 of its own for each, from 20.0.0.0 on. */
function prefixOf(i: number): string {
  return `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;
}

export function clientPrefixes(count: number): string[] {
  return Array.from({ length: count }, (_, i) => prefixOf(i));
}

/** A real snapshot, compiled as a published one is. */
export function compileWorld(world: DnsWorld): Snapshot {
  const groups = Math.ceil(world.prefixes / 100);
  const parsed = network.parse({
    zone: "cdn.example",
    allowPrivateOrigins: true,
    clientGroups: Array.from({ length: groups }, (_, g) => ({
      name: `g${g}`,
      prefixes: Array.from({ length: 100 }, (_, i) => prefixOf(g * 100 + i)),
    })),
    pops: [{ name: "here" }],
    nodes: [{ name: "a", pop: "here", roles: ["dns"], addresses: { v4: "127.0.0.1" } }],
    plans: [{ kind: "fixed", name: "flat", title: "Flat", currency: "EUR", monthly: "1.00" }],
    customers: [
      {
        name: "bench",
        plan: "flat",
        zones: [{ name: BENCH_ZONE, dnssec: world.signed === true, records: [] }],
        sites: hostnames(world.names).map((hostname, i) => ({
          hostname,
          onboarding: "hosted",
          origins: [
            { name: "one", v4: addressOf(i, 1) },
            { name: "two", v4: addressOf(i, 2) },
          ],
        })),
      },
    ],
  });
  const targets = hostnames(world.names).map((name, i) => [name, i.toString(16).padStart(32, "0")]);
  const result = compile({
    intent: { network: parsed, version: 1, targets: Object.fromEntries(targets) },
    number: 1,
    createdAtMs: 0,
    sha256: () => "0".repeat(64),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems.slice(0, 5)));
  return result.value;
}

/** Every web server up and measured, the first of each site a little less loaded. */
export function healthOf(snapshot: Snapshot): Health {
  const targets: Record<string, TargetHealth> = {};
  for (const { id, name } of snapshot.origins) {
    targets[id] = {
      id,
      state: "up",
      sinceMs: 0,
      young: false,
      v4Up: true,
      v6Up: true,
      load: name === "one" ? 0.3 : 0.4,
      loadKnown: true,
      loadFrom: "cpu",
      sources: [],
      views: [],
    };
  }
  return { ...NO_HEALTH, number: 1, snapshot: snapshot.number, targets };
}
