import type { Snapshot } from "../model/snapshot.ts";
import type { PackedCounts } from "./hot/counts.ts";
import { siteOf } from "./hot/subject.ts";
import {
  DURATION_SEC,
  durationsOf,
  HELD_CELL,
  heldOf,
  requestsOf,
  responsesOf,
  Tally,
} from "./hot/tally.ts";

/**
 * All that was counted since the start, for a Prometheus scrape: requests by proto, family (1 or 2)
 * and type, responses by code, and how long they took, in CoreDNS' shape; and per site and target.
 * Labels come from the network file and fixed lists only: no client can make one.
 */
export class DnsMetrics {
  readonly #tally = new Tally();
  readonly #sites = new Map<string, number>();
  readonly #targets = new Map<string, number>();
  #of: Snapshot | null = null;
  #siteCounts = new Float64Array(0);
  #targetCounts = new Float64Array(0);

  add(tally: Float64Array): void {
    this.#tally.add(tally);
  }

  /** The snapshot is the one that was packed with. By index: with many sites, names cost. */
  addPacked(packed: PackedCounts, snapshot: Snapshot): void {
    if (snapshot !== this.#of) {
      this.#name();
      this.#of = snapshot;
      this.#siteCounts = new Float64Array(snapshot.sites.length + 1);
      this.#targetCounts = new Float64Array(snapshot.origins.length + snapshot.nodes.length);
    }
    const { lookups, answers } = packed;
    const sites = this.#siteCounts;
    const targets = this.#targetCounts;
    for (let i = 0; i < lookups.length; i += 3) sites[siteOf(lookups[i]!) + 1]! += lookups[i + 2]!;
    for (let i = 0; i < answers.length; i += 2) targets[answers[i]!]! += answers[i + 1]!;
  }

  /** Gives counts by index their names, which outlive the snapshot. */
  #name(): void {
    const snapshot = this.#of;
    if (snapshot === null) return;
    for (const [i, count] of this.#siteCounts.entries()) {
      if (count > 0) add(this.#sites, i === 0 ? "caches" : snapshot.sites[i - 1]!.hostname, count);
    }
    const targets = [...snapshot.origins, ...snapshot.nodes];
    for (const [i, count] of this.#targetCounts.entries()) {
      if (count > 0) add(this.#targets, targets[i]!.id, count);
    }
    this.#siteCounts.fill(0);
    this.#targetCounts.fill(0);
  }

  /** Lines of the Prometheus text format, version 0.0.4. */
  text(now: { readonly snapshot: number; readonly connections: number }): string {
    this.#name();
    const { cells } = this.#tally;
    const lines = [
      ...head("requests_total", "counter", "Queries that came, by proto, family and type."),
      ...[...requestsOf(cells)].map(({ count, ...labels }) =>
        line("requests_total", labels, count),
      ),
      ...head("responses_total", "counter", "Answers that were sent, by response code."),
      ...[...responsesOf(cells)].map(({ count, rcode }) => {
        return line("responses_total", { rcode }, count);
      }),
      ...this.#durations(),
      ...head("limited_total", "counter", "Answers beyond a client prefix's limit."),
      line("limited_total", { action: "truncated" }, heldOf(cells, HELD_CELL.TRUNCATED)),
      line("limited_total", { action: "dropped" }, heldOf(cells, HELD_CELL.DROPPED)),
      ...head("ignored_total", "counter", "Packets that got no answer: too short, or answers."),
      line("ignored_total", {}, heldOf(cells, HELD_CELL.IGNORED)),
      ...head("proven_total", "counter", "Queries with a server cookie of ours."),
      line("proven_total", {}, heldOf(cells, HELD_CELL.PROVEN)),
      ...head(
        "signatures_total",
        "counter",
        "Signatures made; all other signed answers had kept ones.",
      ),
      line("signatures_total", {}, heldOf(cells, HELD_CELL.SIGNATURES)),
      ...head("unsigned_total", "counter", "Answers held back: too many signatures of late."),
      line("unsigned_total", {}, heldOf(cells, HELD_CELL.UNSIGNED)),
      ...head("site_lookups_total", "counter", "Lookups answered with a server or cache, by site."),
      ...[...this.#sites].map(([site, count]) => line("site_lookups_total", { site }, count)),
      ...head("choices_total", "counter", "Times a server or cache was the answer."),
      ...[...this.#targets].map(([target, count]) => line("choices_total", { target }, count)),
      ...head("connections", "gauge", "Open TCP and TLS connections."),
      line("connections", {}, now.connections),
      ...head("snapshot", "gauge", "Number of the snapshot that is served."),
      line("snapshot", {}, now.snapshot),
    ];
    return `${lines.join("\n")}\n`;
  }

  #durations(): string[] {
    const name = "request_duration_seconds";
    const { counts, sumSec } = durationsOf(this.#tally.cells);
    const out = [...head(name, "histogram", "Seconds to make an answer, of a sample of queries.")];
    let total = 0;
    for (const [i, count] of counts.entries()) {
      total += count;
      out.push(line(`${name}_bucket`, { le: String(DURATION_SEC[i] ?? "+Inf") }, total));
    }
    out.push(line(`${name}_sum`, {}, sumSec), line(`${name}_count`, {}, total));
    return out;
  }
}

function head(name: string, type: string, help: string): readonly string[] {
  return [`# HELP turnpike_dns_${name} ${help}`, `# TYPE turnpike_dns_${name} ${type}`];
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const inner = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  const list = inner.length === 0 ? "" : `{${inner.join(",")}}`;
  return `turnpike_dns_${name}${list} ${value}`;
}

function escapeLabel(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");
}

function add(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}
