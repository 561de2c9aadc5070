/** What one run of `bun test` came to. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly Skip[];
}

export interface Skip {
  /** `file: name`, the way test/skips.txt writes it. */
  readonly name: string;
  readonly reason: string;
}

/**
 * Reads Bun's JUnit report. A skip's reason stands in its name: `... [skipped: no nginx]`.
 * Returns null if the text is no whole report.
 */
export function readJunit(xml: string): Tally | null {
  const head = /<testsuites\b([^>]*)>/.exec(xml)?.[1];
  if (head === undefined || !xml.trimEnd().endsWith("</testsuites>")) return null;
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? "0");
  const failed = count("failures") + count("errors");
  const skipped = readSkips(xml);
  return { passed: count("tests") - failed - skipped.length, failed, skipped };
}

function readSkips(xml: string): Skip[] {
  const skips: Skip[] = [];
  for (const match of xml.matchAll(/<testcase\b([^>]*[^/>])>\s*<skipped\b([^>]*)\/>/g)) {
    const attribute = (name: string) =>
      unescaped(new RegExp(`\\b${name}="([^"]*)"`).exec(match[1]!)?.[1] ?? "");
    const name = attribute("name");
    const reason = /\[skipped: (.*)\]$/.exec(name)?.[1];
    const todo = match[2]!.includes("TODO") ? "to do" : "no reason given";
    const words = name.replace(/ \[skipped: .*\]$/, "");
    skips.push({ name: `${attribute("file")}: ${words}`, reason: reason ?? todo });
  }
  return skips;
}

function unescaped(text: string): string {
  return text
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&#10;/g, "\n")
    .replace(/&amp;/g, "&");
}
