import type { Command } from "commander";
import { ratesOf, registerTop, type Scrape } from "./top.ts";
import { table } from "./verb.ts";

export function registerTopEdge(program: Command): void {
  registerTop(program, {
    noun: "edge",
    description: "Requests a second of caches: by site, status and web server",
    prefix: "turnpike_edge_",
    show: (before, now, sec) => {
      const picture = pictureOf(before, now, sec);
      return { json: picture, words: wordsOf(picture) };
    },
  });
}

interface Picture {
  readonly answersPerSec: number;
  readonly requestsPerSec: number;
  /** Of those requests that a site was asked for; null without one. */
  readonly hitRatio: number | null;
  readonly bytesPerSec: number;
  /** Of clients, and how many there may be; null where caches do not tell. */
  readonly connections: number | null;
  readonly connectionsMax: number | null;
  /** Label -> a second, highest first. */
  readonly sites: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly fetches: Readonly<Record<string, number>>;
  /** Of sites: web servers asked beside a slow one. */
  readonly hedges: Readonly<Record<string, number>>;
  /** Why idle connections were closed for others. */
  readonly closed: Readonly<Record<string, number>>;
}

function pictureOf(before: Scrape, now: Scrape, sec: number): Picture {
  const { rate, by } = ratesOf(before, now, sec);
  const sum = (metric: string) => {
    const names = [...now.keys()].filter((name) => name.startsWith(`${metric}{`));
    return names.reduce((all, name) => all + rate(name), 0);
  };
  const requests = sum("requests_total");
  return {
    answersPerSec: sum("responses_total"),
    requestsPerSec: requests,
    hitRatio: requests === 0 ? null : sum("hits_total") / requests,
    bytesPerSec: sum("sent_bytes_total"),
    connections: now.get("connections") ?? null,
    connectionsMax: now.get("connections_max") ?? null,
    sites: by("requests_total", "site"),
    statuses: by("responses_total", "status"),
    fetches: by("fetches_total", "origin"),
    hedges: by("hedges_total", "site"),
    closed: by("connections_closed_total", "reason"),
  };
}

function wordsOf(picture: Picture): string {
  const { answersPerSec, hitRatio, bytesPerSec, connections, connectionsMax } = picture;
  const { sites, statuses, fetches, hedges, closed } = picture;
  const head = [
    `${answersPerSec.toFixed(1)} answers/s`,
    hitRatio === null ? "no site asked for" : `${(hitRatio * 100).toFixed(1)} % hits`,
    `${(bytesPerSec / 1e6).toFixed(2)} MB/s`,
    ...(connections === null ? [] : [`${connections} of ${connectionsMax} connections`]),
  ];
  const kinds = Object.entries({
    ...{ site: sites, status: statuses, fetch: fetches, hedge: hedges, closed },
  });
  const rows = kinds.flatMap(([kind, rates]) =>
    Object.entries(rates).map(([label, n]) => [kind, label, n.toFixed(1)]),
  );
  return `${head.join(", ")}\n${[table(["BY", "", "PER SECOND"], rows)].flat().join("\n")}\n`;
}
