import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { noun } from "./verb.ts";

/** Scraped values: `name{labels}` without the prefix -> count. */
export type Scrape = ReadonlyMap<string, number>;

interface Flags {
  readonly metrics: string;
  readonly every: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

export interface Top {
  readonly noun: string;
  readonly description: string;
  /** What its metrics begin with. */
  readonly prefix: string;
  /** A picture of what happened between two scrapes. */
  readonly show: (
    before: Scrape,
    now: Scrape,
    sec: number,
  ) => { readonly json: unknown; readonly words: string };
}

const LINES_MAX = 10;

/** `turnpike top NOUN`: rates between two scrapes of the nodes' metrics, again and again. */
export function registerTop(program: Command, top: Top): void {
  const name = `turnpike top ${top.noun}`;
  noun(program, "top", "What is happening now")
    .command(top.noun)
    .description(top.description)
    .option("--metrics <urls>", "what listen.metrics serves, several with commas", defaultUrl())
    .option("--every <seconds>", "how long is counted for each picture", "2")
    .option("--once", "one picture, then the end")
    .option("--json", "print each picture as one line of JSON")
    .addHelpText(
      "after",
      `\nExamples:\n  ${name}\n  ${name} --once --metrics http://10.0.0.1:9353/metrics\n`,
    )
    .action((flags: Flags) => watch(top, flags));
}

function defaultUrl(): string {
  return process.env.TURNPIKE_METRICS ?? "http://127.0.0.1:9353/metrics";
}

async function watch(top: Top, flags: Flags): Promise<void> {
  const urls = flags.metrics.split(",");
  const sec = Number(flags.every);
  if (!(sec > 0)) {
    const problem = { path: "--every", message: "expected seconds above 0", received: flags.every };
    throw new Fault("bad-input", "", { problems: [problem] });
  }
  let before = await scrape(urls, top.prefix);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, sec * 1000));
    const now = await scrape(urls, top.prefix);
    const { json, words } = top.show(before, now, sec);
    const clear = flags.once === true || !process.stdout.isTTY ? "" : "\x1b[2J\x1b[H";
    process.stdout.write(flags.json ? `${JSON.stringify(json)}\n` : clear + words);
    if (flags.once) return;
    before = now;
  }
}

/** Adds up what all of them show. */
async function scrape(urls: readonly string[], prefix: string): Promise<Scrape> {
  const all = new Map<string, number>();
  for (const url of urls) {
    let text: string;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      text = await response.text();
    } catch (cause) {
      const problem = {
        path: "--metrics",
        message: "expected the address of metrics",
        received: url,
      };
      throw new Fault("bad-input", "", { cause, problems: [problem] });
    }
    for (const [, name, value] of text.matchAll(/^(\S+?(?:\{.*\})?) (\S+)$/gm)) {
      if (!name!.startsWith(prefix)) continue;
      const key = name!.slice(prefix.length);
      all.set(key, (all.get(key) ?? 0) + Number(value));
    }
  }
  if (all.size === 0) {
    const message = `expected the address of metrics that begin with ${prefix}`;
    const problem = { path: "--metrics", message, received: urls.join(",") };
    throw new Fault("bad-input", "", { problems: [problem] });
  }
  return all;
}

/** Rates a second: of one name, and of a family by one of its labels, the highest first. */
export function ratesOf(before: Scrape, now: Scrape, sec: number) {
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
  return { rate, by };
}
