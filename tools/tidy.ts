// The house rules that no compiler and no linter checks, as DESIGN's floors and the style's numbers
// have them. Prints one line per violation; `--write` first renews the generated pages of docs/.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  checkDependencies,
  checkDocs,
  checkRecords,
  generatedPages,
  readDecisions,
} from "./tidy/docs.ts";
import {
  checkCircles,
  checkFloors,
  checkHot,
  checkLibraries,
  checkRuntime,
} from "./tidy/imports.ts";
import { checkBase, checkDefaults, checkLengths, checkMods, checkNames } from "./tidy/shape.ts";
import { readTree, type Source, type Violation } from "./tidy/source.ts";

const CHECKS: readonly ((files: readonly Source[]) => Violation[])[] = [
  checkFloors,
  checkCircles,
  checkHot,
  checkLibraries,
  checkRuntime,
  checkLengths,
  checkNames,
  checkMods,
  checkDefaults,
  checkBase,
];

/** Every violation in the tree under `root`, in a fixed order. */
export function tidy(root: string): Violation[] {
  const files = readTree(root);
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const records = readDecisions(root);
  return [
    ...CHECKS.flatMap((check) => check(files)),
    ...checkDependencies(
      dependencies,
      records.map((one) => one.text),
    ),
    ...checkRecords(records),
    ...checkDocs(root),
  ].sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

export function formatViolation(one: Violation): string {
  return `${one.path}${one.line === 0 ? "" : `:${one.line}`}: ${one.words}`;
}

if (import.meta.main) {
  const root = join(import.meta.dir, "..");
  if (process.argv.includes("--write")) {
    for (const [path, text] of Object.entries(generatedPages())) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  }
  const wrong = tidy(root);
  for (const one of wrong) process.stdout.write(`${formatViolation(one)}\n`);
  process.stdout.write(wrong.length === 0 ? "tidy\n" : `${wrong.length} to mend\n`);
  process.exit(wrong.length === 0 ? 0 : 1);
}
