/** A family of the text format: its comments, and its series in the order they came. */
interface Family {
  readonly comments: string[];
  readonly isGauge: boolean;
  readonly series: Map<string, number>;
}

type Writable = { -readonly [K in keyof Family]: Family[K] };

/**
 * The Prometheus text of several processes of one node as one: series of the same name and labels are
 * added up. A counter goes on where it was when its process is started anew; what a killed one counted
 * since it was last asked is lost.
 */
export class MetricsSum {
  /** By process, what its counters came to. */
  readonly #last = new Map<string, Map<string, number>>();
  /** What counters of processes that ended came to. */
  readonly #ended = new Map<string, number>();

  /** @param texts by the process's name; an empty one did not answer and counts as it last did */
  merge(texts: ReadonlyMap<string, string>): string {
    const families = new Map<string, Family>();
    for (const [process, text] of texts) {
      const before = this.#last.get(process) ?? new Map<string, number>();
      const now = text === "" ? before : new Map<string, number>();
      if (text === "") addCounters(families, before);
      else this.#add(families, text, { before, now });
      this.#last.set(process, now);
    }
    for (const { series, isGauge } of families.values()) {
      if (isGauge) continue;
      for (const [name, value] of series) series.set(name, value + (this.#ended.get(name) ?? 0));
    }
    return [...families.values()].map(textOf).join("");
  }

  #add(
    families: Map<string, Family>,
    text: string,
    o: { readonly before: ReadonlyMap<string, number>; readonly now: Map<string, number> },
  ): void {
    for (const [name, one] of readFamilies(text)) {
      const family = families.get(name) ?? { ...one, series: new Map() };
      families.set(name, family);
      for (const [series, value] of one.series) {
        family.series.set(series, (family.series.get(series) ?? 0) + value);
        if (one.isGauge) continue;
        o.now.set(series, value);
        const before = o.before.get(series) ?? 0;
        if (value < before) this.#ended.set(series, (this.#ended.get(series) ?? 0) + before);
      }
    }
    // What it does not show any more it counted before it was started anew.
    for (const [series, value] of o.before) {
      if (o.now.has(series)) continue;
      this.#ended.set(series, (this.#ended.get(series) ?? 0) + value);
      addCounters(families, new Map([[series, 0]]));
    }
  }
}

/** Counters of a process that says nothing now. */
function addCounters(families: Map<string, Family>, counters: ReadonlyMap<string, number>): void {
  for (const [series, value] of counters) {
    const name = series.split("{")[0] ?? series;
    const family: Family = families.get(name) ?? {
      comments: [`# TYPE ${name} counter`],
      isGauge: false,
      series: new Map(),
    };
    families.set(name, family);
    family.series.set(series, (family.series.get(series) ?? 0) + value);
  }
}

/** By the name that their comments say. */
function readFamilies(text: string): Map<string, Family> {
  const families = new Map<string, Writable>();
  let current = "";
  const of = (name: string) => {
    const family: Writable = families.get(name) ?? {
      comments: [],
      isGauge: false,
      series: new Map(),
    };
    families.set(name, family);
    return family;
  };
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [mark, kind, name = "", type] = line.split(" ");
    if (mark === "#") {
      current = name;
      of(current).comments.push(line);
      if (kind === "TYPE" && type === "gauge") of(current).isGauge = true;
      continue;
    }
    const at = line.lastIndexOf(" ");
    const series = line.slice(0, at);
    const value = Number(line.slice(at + 1));
    of(current).series.set(series, (of(current).series.get(series) ?? 0) + value);
  }
  return families;
}

function textOf({ comments, series }: Family): string {
  const lines = [...series].map(([name, value]) => `${name} ${value}`);
  return `${[...comments, ...lines].join("\n")}\n`;
}
