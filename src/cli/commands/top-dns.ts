import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { noun, table } from "./verb.ts";

/** Scraped values: `name{labels}` without `turnpike_dns_` -> count. */
type Scrape = ReadonlyMap<string, number>;

interface Flags {
  readonly metrics: string;
  readonly every: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

const LINES_MAX = 10;

export function registerTopDns(program: Command): void {
  noun(program, "top", "What is happening now")
    .command("dns")
    .description("Queries a second of name servers: by type, code, site and choice")
    .option("--metrics <urls>", "what listen.metrics serves, several with commas", defaultUrl())
    .option("--every <seconds>", "how long is counted for each picture", "2")
    .option("--once", "one picture, then the end")
    .option("--json", "print each picture as one line of JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  turnpike top dns\n  turnpike top dns --once --metrics http://10.0.0.1:9353/metrics\n",
    )
    .action(async (flags: Flags) => {
      await topDns(flags);
    });
}

function defaultUrl(): string {
  return process.env.TURNPIKE_METRICS ?? "http://127.0.0.1:9353/metrics";
}

async function topDns(flags: Flags): Promise<void> {
  const urls = flags.metrics.split(",");
  const sec = Number(flags.every);
  if (!(sec > 0)) {
    const problem = { path: "--every", message: "expected seconds above 0", received: flags.every };
    throw new Fault("bad-input", "", { problems: [problem] });
  }
  let before = await scrape(urls);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, sec * 1000));
    const now = await scrape(urls);
    const picture = pictureOf(before, now, sec);
    const clear = flags.once === true || !process.stdout.isTTY ? "" : "\x1b[2J\x1b[H";
    process.stdout.write(flags.json ? `${JSON.stringify(picture)}\n` : clear + wordsOf(picture));
    if (flags.once) return;
    before = now;
  }
}

/** Adds up what all of them show. */
async function scrape(urls: readonly string[]): Promise<Scrape> {
  const all = new Map<string, number>();
  for (const url of urls) {
    let text: string;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      text = await response.text();
    } catch (cause) {
      const problem = { path: "--metrics", message: "expected a URL that answers", received: url };
      throw new Fault("bad-input", "", { cause, problems: [problem] });
    }
    for (const [, name, value] of text.matchAll(/^turnpike_dns_(\S+?(?:\{.*\})?) (\S+)$/gm)) {
      all.set(name!, (all.get(name!) ?? 0) + Number(value));
    }
  }
  return all;
}

export interface Picture {
  readonly queriesPerSec: number;
  readonly droppedPerSec: number;
  readonly truncatedPerSec: number;
  readonly connections: number;
  /** Median time to make an answer, microseconds; null without a sample. */
  readonly medianUs: number | null;
  /** Label -> queries or answers a second, highest first. */
  readonly types: Readonly<Record<string, number>>;
  readonly protos: Readonly<Record<string, number>>;
  readonly rcodes: Readonly<Record<string, number>>;
  readonly sites: Readonly<Record<string, number>>;
  readonly choices: Readonly<Record<string, number>>;
}

export function pictureOf(before: Scrape, now: Scrape, sec: number): Picture {
  // A server that was started again counts from 0.
  const rate = (name: string) => {
    const count = now.get(name) ?? 0;
    const earlier = before.get(name) ?? 0;
    return (count >= earlier ? count - earlier : count) / sec;
  };
  const by = (metric: string, label: string) => {
    const sums = new Map<string, number>();
    for (const name of now.keys()) {
      if (!name.startsWith(`${metric}{`)) continue;
      const key = new RegExp(`[{,]${label}="([^"]*)"`).exec(name)?.[1] ?? "";
      const found = rate(name);
      if (found > 0) sums.set(key, (sums.get(key) ?? 0) + found);
    }
    return Object.fromEntries([...sums].sort((a, b) => b[1] - a[1]).slice(0, LINES_MAX));
  };
  const protos = by("requests_total", "proto");
  return {
    queriesPerSec: Object.values(protos).reduce((sum, n) => sum + n, 0),
    droppedPerSec: rate('limited_total{action="dropped"}'),
    truncatedPerSec: rate('limited_total{action="truncated"}'),
    connections: now.get("connections") ?? 0,
    medianUs: medianUs(now, rate),
    types: by("requests_total", "type"),
    protos,
    rcodes: by("responses_total", "rcode"),
    sites: by("site_lookups_total", "site"),
    choices: by("choices_total", "target"),
  };
}

/** The upper bound of the bucket that the median lies in. */
function medianUs(now: Scrape, rate: (name: string) => number): number | null {
  const prefix = 'request_duration_seconds_bucket{le="';
  const names = [...now.keys()].filter((name) => name.startsWith(prefix));
  const bounds = names.map((name) => ({ name, sec: Number(name.slice(prefix.length, -2)) }));
  const all = rate("request_duration_seconds_count");
  const found = bounds.find(({ name, sec }) => rate(name) * 2 >= all && Number.isFinite(sec));
  return all === 0 || found === undefined ? null : found.sec * 1e6;
}

function wordsOf(picture: Picture): string {
  const { queriesPerSec, droppedPerSec, truncatedPerSec, medianUs: median } = picture;
  const head = [
    `${queriesPerSec.toFixed(1)} queries/s`,
    `${truncatedPerSec.toFixed(1)} truncated and ${droppedPerSec.toFixed(1)} dropped by limits/s`,
    `${picture.connections} connections`,
    median === null ? "" : `median <= ${median.toFixed(0)} us`,
  ];
  const { types, protos, rcodes, sites, choices } = picture;
  const cells = Object.entries({
    type: types,
    proto: protos,
    rcode: rcodes,
    site: sites,
    choice: choices,
  });
  const rows = cells.flatMap(([kind, rates]) =>
    Object.entries(rates).map(([label, n]) => [kind, label, n.toFixed(1)]),
  );
  const lines = table(["BY", "", "PER SECOND"], rows);
  return `${head.filter((one) => one !== "").join(", ")}\n${[lines].flat().join("\n")}\n`;
}
