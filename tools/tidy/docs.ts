import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FAULT_CODES } from "../../src/base/fault-codes.ts";
import { settingsPage } from "./settings.ts";
import type { Violation } from "./source.ts";

/** Generated pages: path -> what it must hold. `bun tools/tidy.ts --write` writes them. */
export function generatedPages(): Readonly<Record<string, string>> {
  return {
    "docs/errors.md": errorsPage(FAULT_CODES),
    "docs/settings.md": settingsPage(),
  };
}

const RETRY_WORDS: Readonly<Record<string, string>> = {
  no: "no",
  yes: "yes",
  "if-reused": "only on a reused connection",
};

export function errorsPage(codes: Readonly<Record<string, readonly string[]>>): string {
  const rows = Object.entries(codes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, [who, retry, words]]) =>
        `| \`${code}\` | ${who} | ${RETRY_WORDS[retry!]} | ${words} |`,
    );
  return [
    "# Faults",
    "",
    "What can fail in the world around Turnpike: who caused it, whether trying again helps, and the",
    "words that leave the process (as RFC 9457 problem details from the API, as one line from the",
    "command line). Generated from `src/base/fault-codes.ts`; `node tools/run.mjs tools/tidy.ts",
    "--write` renews it, and a test fails when it is stale.",
    "",
    "| code | caused by | try again | words |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

export function checkDocs(root: string): Violation[] {
  const wrong: Violation[] = [];
  for (const [path, text] of Object.entries(generatedPages())) {
    const words = "This page is stale: run node tools/run.mjs tools/tidy.ts --write";
    if (readOr(join(root, path), "") !== text) wrong.push({ path, line: 0, words });
  }
  return wrong;
}

/** Every runtime dependency has a decision record that names it in back-ticks. */
export function checkDependencies(
  dependencies: Readonly<Record<string, string>>,
  records: readonly string[],
): Violation[] {
  return Object.keys(dependencies)
    .filter((name) => !records.some((text) => text.includes(`\`${name}\``)))
    .map((name) => ({
      path: "package.json",
      line: 0,
      words: `A runtime dependency has a record in docs/decisions that names it: received ${name}`,
    }));
}

export function readDecisions(root: string): { path: string; text: string }[] {
  const folder = join(root, "docs/decisions");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => ({
      path: `docs/decisions/${name}`,
      text: readFileSync(join(folder, name), "utf8"),
    }));
}

/** A record is numbered and says context, choice and price paid. */
export function checkRecords(records: readonly { path: string; text: string }[]): Violation[] {
  const wrong: Violation[] = [];
  const seen = new Map<string, string>();
  for (const { path, text } of records) {
    const number = /\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1];
    const say = (words: string) => wrong.push({ path, line: 0, words });
    if (number === undefined) say("A record is called NNNN-title.md");
    else if (seen.has(number)) say(`This number is taken: received ${seen.get(number)}`);
    else seen.set(number, path);
    for (const heading of ["## Context", "## Choice", "## Price paid"])
      if (!text.includes(`\n${heading}\n`)) say(`A record has the heading ${heading}`);
  }
  return wrong;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
