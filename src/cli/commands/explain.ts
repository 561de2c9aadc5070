import type { Command } from "commander";
import type { Explanation } from "../../model/api/mod.ts";
import { verb } from "./verb.ts";

export function registerExplain(program: Command): void {
  verb<{ readonly client: string; readonly at?: string; readonly miss?: boolean }>(program, {
    usage: "explain <name>",
    description: "Why a name is answered as it is for a client: every candidate and verdict",
    examples: [
      "turnpike explain www.shop.example --client 198.51.100.7",
      "turnpike explain c.cdn.example --client 198.51.100.7 --json",
      "turnpike explain www.shop.example --miss",
      "turnpike explain www.shop.example --client 198.51.100.7 --at 2026-11-22T14:03:20Z",
      "turnpike explain www.shop.example --client 198.51.100.7 --at 10m",
    ],
    options: [
      ["--client <ip>", "the client's address", "192.0.2.1"],
      [
        "--at <time>",
        "a time of the last 24 hours: ISO 8601, or how long ago, such as 90s, 10m, 3h",
      ],
      ["--miss", "which origin a cache asks on a miss"],
    ],
    run: async ({ api, args, flags, print }) => {
      const use = flags.miss === true ? ("miss" as const) : ("answer" as const);
      const at = flags.at === undefined ? {} : { at: instantOf(flags.at, Date.now()) };
      const query = { name: args[0] ?? "", client: flags.client, use, ...at };
      const explanation = await api.call("explain", { query });
      print(explanation, explainWords(explanation));
      return explanation.kind === "none" ? 1 : 0;
    },
  });
}

/** A time as ISO 8601, from that or from how long ago it was. What is neither goes on as it is. */
export function instantOf(text: string, nowMs: number): string {
  const ago = /^(\d+)([smh])$/.exec(text);
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000 }[ago?.[2] ?? ""];
  if (ago !== null && unitMs !== undefined) {
    return new Date(nowMs - Number(ago[1]) * unitMs).toISOString();
  }
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? text : new Date(atMs).toISOString();
}

export function explainWords(e: Explanation): string[] {
  const head = `${e.name} for ${e.client} (group ${e.group}, scope ${e.scope ?? "all"})${
    e.at === undefined ? "" : ` at ${e.at}`
  }`;
  const view = `snapshot ${e.snapshot}, health ${e.health}, assignment ${e.assignment}`;
  if (e.kind === "none") return [head, "We do not have this name", `  ${view}`];
  const { v4, v6, ttlSec } = e.answer;
  const addresses = [v4, v6].filter((address) => address !== null).join(" ");
  const answer = addresses === "" ? "no address" : `${addresses}  TTL ${ttlSec}`;
  const lines = [head, `-> ${answer}   steered: ${e.kind}`, `   ${view}`];
  for (const row of (e.latency ?? []).slice(0, 10)) lines.push(latencyWords(row));
  for (const record of e.records) {
    lines.push(`   ${record.type} ${record.values.join(" ")} TTL ${record.ttlSec}`);
  }
  if (e.decision?.allDown === true) lines.push("   nothing is usable: the all-down choice applies");
  const first = e.decision?.choices[0]?.id;
  for (const candidate of e.decision?.reasons ?? []) {
    const known = candidate.loadKnown ? "" : " (not measured)";
    const from = candidate.loadFrom === null ? "" : ` from ${candidate.loadFrom}`;
    const rtt = candidate.rttMs === null ? "" : `, rtt ${candidate.rttMs.toFixed(1)} ms`;
    const projected =
      candidate.projected === candidate.load ? "" : `, projected ${candidate.projected.toFixed(3)}`;
    lines.push(
      "",
      `${candidate.id === first ? "*" : " "} ${candidate.id}  ${candidate.v4 ?? candidate.v6}  ` +
        `${candidate.state}  load ${candidate.load.toFixed(3)}${from}${known}${projected}${rtt}`,
    );
    for (const source of candidate.sources) {
      lines.push(`      source ${source.kind}: ${source.load.toFixed(3)}  ${source.detail}`);
    }
    for (const { filter, kept, reason, detail } of candidate.verdicts) {
      lines.push(`      ${kept ? "keep" : "drop"} ${filter}: ${reason}  ${detail}`.trimEnd());
    }
  }
  return lines;
}

function latencyWords(row: NonNullable<Explanation["latency"]>[number]): string {
  const { pop, rttMs, from, samples, ageSec, addedMs } = row;
  const how = {
    clients: `by ${samples} connections of clients, ${ageSec} s ago`,
    beacon: `by ${samples} reports of browsers, ${ageSec} s ago`,
    probes: addedMs === null ? "by probes" : `by probes, ${addedMs} ms added as for clients`,
    file: "by the network file",
    as: `by ${samples} other groups of the same AS`,
    country: `by ${samples} other groups of the same country`,
    distance: "by distance",
  }[from];
  return `   ${pop}: ${rttMs.toFixed(1)} ms ${how}`;
}
