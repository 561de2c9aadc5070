import type { TargetHealth } from "../../model/health.ts";
import type { CheckReport, ProbeReport } from "../../model/messages.ts";
import { type Network, network } from "../../model/network.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { compile } from "../../policy/snapshot/mod.ts";
import { Judge, type Judgement } from "./judge.ts";

export const VANTAGES = ["p1", "p2", "p3"] as const;

interface SiteShape {
  readonly hostname?: string;
  readonly origins: readonly Record<string, unknown>[];
  readonly [key: string]: unknown;
}

/** A snapshot of these sites, watched by three probes that are no caches themselves. */
export function snapshotOf(
  sites: readonly SiteShape[],
  more: {
    readonly number?: number;
    readonly nodes?: readonly Record<string, unknown>[];
    readonly customer?: string;
  } = {},
): Snapshot {
  const probes = VANTAGES.map((name, i) => ({
    name,
    pop: "fra",
    roles: ["probe"],
    addresses: { v4: `192.0.2.${i + 1}` },
  }));
  const parsed: Network = network.parse({
    zone: "cdn.example",
    pops: [{ name: "fra" }],
    nodes: [...probes, ...(more.nodes ?? [])],
    clientGroups: [{ name: "berlin", prefixes: ["203.0.113.0/24"] }],
    plans: [{ name: "flat", title: "Flat", currency: "EUR", kind: "fixed", monthly: "1" }],
    customers: [
      {
        name: more.customer ?? "shop",
        plan: "flat",
        sites: sites.map((site, i) => ({ hostname: `www${i}.shop.example`, ...site })),
      },
    ],
  });
  const targets = Object.fromEntries(
    parsed.customers.flatMap((one) =>
      one.sites.map((site, i) => [site.hostname, i.toString(16).padStart(32, "0")]),
    ),
  );
  const result = compile({
    intent: { network: parsed, version: 1, targets },
    number: more.number ?? 1,
    createdAtMs: 0,
    sha256: () => "0".repeat(64),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

/** `count` origins named o0, o1... of one site. */
export function origins(count: number, third = 0): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `o${i}`,
    v4: `198.51.${third}.${i + 1}`,
  }));
}

export type Seen = Partial<CheckReport> & { readonly target: string };

/** Plays reports into a judge, on a clock of its own. */
export class Court {
  readonly judge = new Judge();
  nowMs = 0;
  /** The snapshot that vantages say they look at. */
  snapshot = 1;

  constructor(snapshot: Snapshot) {
    this.setSnapshot(snapshot);
  }

  get now() {
    return { monoMs: this.nowMs, wallMs: 1_800_000_000_000 + this.nowMs };
  }

  setSnapshot(snapshot: Snapshot): void {
    this.judge.setSnapshot(snapshot, this.now);
    this.snapshot = snapshot.number;
  }

  report(vantage: string, checks: readonly Seen[], rttMs: ProbeReport["rttMs"] = {}): void {
    const filled = checks.map((seen): CheckReport => {
      const ok = seen.ok ?? true;
      return {
        check: "http",
        family: 4,
        ok,
        failure: ok ? "" : "refused",
        atMs: this.now.wallMs,
        connectMs: 1,
        firstByteMs: 2,
        totalMs: ok ? 20 : null,
        ...seen,
      };
    });
    const { wallMs: atMs } = this.now;
    const { snapshot, nowMs } = this;
    this.judge.take({ vantage, pop: "fra", atMs, snapshot, checks: filled, rttMs }, nowMs);
  }

  /** One second in which every vantage reports the same. */
  second(checks: readonly Seen[], vantages: readonly string[] = VANTAGES): Judgement {
    this.nowMs += 1000;
    for (const vantage of vantages) this.report(vantage, checks);
    return this.judge.judge(this.now);
  }

  seconds(count: number, checks: readonly Seen[], vantages?: readonly string[]): Judgement {
    let last = this.judge.judge(this.now);
    for (let i = 0; i < count; i++) last = this.second(checks, vantages);
    return last;
  }

  see(id: string): TargetHealth {
    const target = this.judge.judge(this.now).targets[id];
    if (target === undefined) throw new Error(`No target ${id}`);
    return target;
  }
}
