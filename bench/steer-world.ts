import type { TargetHealth } from "../src/model/health.ts";
import { network } from "../src/model/network.ts";
import type { Snapshot } from "../src/model/snapshot.ts";
import { compile } from "../src/policy/snapshot/mod.ts";

export function compiled(file: unknown, targets: Record<string, string>): Snapshot {
  const intent = { network: network.parse(file), version: 1, targets };
  const made = compile({ intent, number: 1, createdAtMs: 0, sha256: () => "0".repeat(64) });
  if (!made.ok) throw new Error(made.problems.map((p) => `${p.path}: ${p.message}`).join("\n"));
  return made.value;
}

export function targetAt(id: string, load: number): TargetHealth {
  const fixed = { sinceMs: 0, young: false, v4Up: true, v6Up: true, sources: [], views: [] };
  return { id, state: "up", load, loadKnown: true, loadFrom: "cpu", ...fixed };
}
