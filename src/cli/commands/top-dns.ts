import type { Command } from "commander";
import { ratesOf, registerTop, type Scrape } from "./top.ts";
import { table } from "./verb.ts";

export function registerTopDns(program: Command): void {
  registerTop(program, {
    noun: "dns",
    description: "Queries a second of name servers: by type, code, site and choice",
    prefix: "turnpike_dns_",
    show: (before, now, sec) => {
      const picture = pictureOf(before, now, sec);
      return { json: picture, words: wordsOf(picture) };
    },
  });
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
  const { rate, by } = ratesOf(before, now, sec);
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
