// Every line and every branch of the code that reads what strangers send, and answers it, is run by its
// tests: the gate of that promise. `bun tools/coverage.ts` names what is not, and ends with 1.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { untakenBranches } from "./coverage/branches.ts";
import { isSource, unrunLines } from "./coverage/lines.ts";
import { say } from "./gate/gate.ts";

const root = join(import.meta.dir, "..");
const FOLDERS = ["src/wire/dns", "src/wire/dnssec"];
const TESTED = [...FOLDERS, "src/wire/zonefile", "src/dns"];

const tests = TESTED.flatMap((folder) => list(folder).filter((file) => file.endsWith(".test.ts")));
const lines = unrunLines(root, { tests, folders: FOLDERS });
const branches = await untakenBranches(root, { tests, folders: FOLDERS });
let missing = 0;
for (const { file, unrun } of lines) {
  if (unrun.length > 0) miss(`${file}: lines ${unrun.join(", ")} are run by no test`, unrun.length);
}
for (const { file, untaken } of branches) {
  for (const place of untaken) miss(`${file}:${place}: a branch that no test takes`, 1);
}
// A file that neither report names is one that no test loads.
const named = new Set([...lines, ...branches].map((one) => one.file));
for (const file of FOLDERS.flatMap(list)) {
  if (isSource(file, FOLDERS) && !named.has(file) && !/\/mod\.ts$/.test(file)) {
    miss(`${file}: loaded by no test`, 1);
  }
}
const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
const [ofLines, ofBranches] = [
  sum(lines.map((l) => l.lines)),
  sum(branches.map((b) => b.branches)),
];
say(`${ofLines} lines and ${ofBranches} branches of ${FOLDERS.join(", ")}, ${missing} missing`);
process.exit(missing === 0 ? 0 : 1);

function list(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`)
    .sort();
}

function miss(words: string, count: number): void {
  missing += count;
  say(words);
}
