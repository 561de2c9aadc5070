/** One sample of the Prometheus text format 0.0.4; label values are unescaped. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricsText {
  readonly samples: readonly MetricSample[];
  /** Lines that are no sample, comment or blank. */
  readonly badLines: number;
  /** True when a limit cut the rest off. */
  readonly truncated: boolean;
}

export interface MetricsLimits {
  /** Only these names are kept; all when left out. */
  readonly wanted?: ReadonlySet<string>;
  readonly linesMax?: number;
  readonly samplesMax?: number;
  readonly lineCharsMax?: number;
}

const LABELS_MAX = 32;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;

/**
 * Reads Prometheus text (exposition format 0.0.4) tolerantly: what is no sample is counted and
 * skipped, an unfinished last line too. Never throws; work and memory are bounded by the limits.
 *
 * @example parseMetrics("up 1\n").samples[0]?.value // 1
 */
export function parseMetrics(text: string, limits: MetricsLimits = {}): MetricsText {
  const linesMax = limits.linesMax ?? 50_000;
  const samplesMax = limits.samplesMax ?? 20_000;
  const lineCharsMax = limits.lineCharsMax ?? 4096;
  const samples: MetricSample[] = [];
  let badLines = 0;
  let lines = 0;
  let at = 0;
  while (at < text.length) {
    if (lines++ >= linesMax || samples.length >= samplesMax) {
      return { samples, badLines, truncated: true };
    }
    const newline = text.indexOf("\n", at);
    const end = newline === -1 ? text.length : newline;
    const from = at;
    at = end + 1;
    if (end - from > lineCharsMax) {
      badLines++;
      continue;
    }
    const line = text.slice(from, end).trim();
    if (line === "" || line.startsWith("#")) continue;
    const name = NAME.exec(line)?.[0];
    if (name === undefined) badLines++;
    else if (limits.wanted === undefined || limits.wanted.has(name)) {
      const sample = parseSample(name, line);
      if (sample === null) badLines++;
      else samples.push(sample);
    }
  }
  return { samples, badLines, truncated: false };
}

function parseSample(name: string, line: string): MetricSample | null {
  let at = name.length;
  let labels: Record<string, string> = {};
  if (line[at] === "{") {
    const read = parseLabels(line, at + 1);
    if (read === null) return null;
    labels = read.labels;
    at = read.next;
  }
  // What follows is the value and, optionally, a timestamp that nobody here needs.
  const [value, , ...rest] = line.slice(at).trim().split(/\s+/);
  if (value === undefined || rest.length > 0) return null;
  const number = parseValue(value);
  return number === null ? null : { name, labels, value: number };
}

function parseValue(text: string): number | null {
  if (text === "NaN") return Number.NaN;
  if (text === "+Inf" || text === "Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

/** Reads from just after `{` to just after `}`. Null when the shape is wrong. */
function parseLabels(
  line: string,
  start: number,
): { labels: Record<string, string>; next: number } | null {
  const labels: Record<string, string> = Object.create(null);
  let at = skipBlank(line, start);
  for (let count = 0; count <= LABELS_MAX; count++) {
    if (line[at] === "}") return { labels, next: at + 1 };
    const key = NAME.exec(line.slice(at, at + 256))?.[0];
    if (key === undefined) return null;
    at = skipBlank(line, at + key.length);
    if (line[at] !== "=") return null;
    at = skipBlank(line, at + 1);
    if (line[at] !== '"') return null;
    const value = parseQuoted(line, at + 1);
    if (value === null) return null;
    labels[key] = value.text;
    at = skipBlank(line, value.next);
    if (line[at] === ",") at = skipBlank(line, at + 1);
    else if (line[at] !== "}") return null;
  }
  return null;
}

function parseQuoted(line: string, start: number): { text: string; next: number } | null {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const char = line[at];
    if (char === '"') return { text, next: at + 1 };
    if (char !== "\\") text += char;
    else {
      const escaped = line[++at];
      text += escaped === "n" ? "\n" : (escaped ?? "");
    }
  }
  return null;
}

function skipBlank(line: string, start: number): number {
  let at = start;
  while (line[at] === " " || line[at] === "\t") at++;
  return at;
}
