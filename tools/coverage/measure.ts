import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { untakenBranches } from "./branches.ts";
import { isSource, unrunLines } from "./lines.ts";

/** Code that reads what strangers send, and answers it. */
const FOLDERS = ["src/wire/dns", "src/wire/dnssec", "src/dns/hot"];
/** Where its tests stand. */
const TESTED = ["src/wire/dns", "src/wire/dnssec", "src/wire/zonefile", "src/dns"];

/** Tests that take more of Bun than `describe`, `expect` and `test` have nothing to run on under Node. */
function isForNode(text: string): boolean {
  const names = /import \{([^}]*)\} from "bun:test"/.exec(text)?.[1]?.split(",") ?? [];
  const known = names.every((name) => /^\s*(?:describe|expect|test)?\s*$/.test(name));
  return known && !/\bBun\.|test\.(?:each|skip)|allocation\.fixture|from "bun:ffi"/.test(text);
}

export interface Coverage {
  readonly lines: number;
  readonly linesRun: number;
  readonly branches: number;
  readonly branchesTaken: number;
  /** Each in words: the file, and its lines or a branch's place. */
  readonly missing: readonly string[];
}

/** How much of the code of FOLDERS its tests run: lines under Bun, branches under Node. */
export async function measureCoverage(root: string): Promise<Coverage> {
  const list = (folder: string) => {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
    const code = names.filter((name) => name.endsWith(".ts"));
    return code.map((name) => `${folder}/${name}`).sort();
  };
  const all = TESTED.flatMap(list);
  const tests = all.filter((file) => file.endsWith(".test.ts"));
  const lines = unrunLines(root, { tests, folders: FOLDERS });
  const forNode = tests.filter((file) => isForNode(readFileSync(join(root, file), "utf8")));
  const branches = await untakenBranches(root, { tests: forNode, folders: FOLDERS });
  // A file that neither report names is one that no test loads; mod.ts has no code of its own.
  const named = new Set([...lines, ...branches].map((one) => one.file));
  const unloaded = FOLDERS.flatMap(list).filter((file) => {
    return isSource(file, FOLDERS) && !named.has(file) && !file.endsWith("/mod.ts");
  });
  const sum = (counts: readonly number[]) => counts.reduce((whole, count) => whole + count, 0);
  const [ofLines, ofBranches] = [lines.map((l) => l.lines), branches.map((b) => b.branches)];
  return {
    lines: sum(ofLines),
    linesRun: sum(ofLines) - sum(lines.map((one) => one.unrun.length)),
    branches: sum(ofBranches),
    branchesTaken: sum(ofBranches) - sum(branches.map((one) => one.untaken.length)),
    missing: [
      ...lines.flatMap(({ file, unrun }) => {
        return unrun.length === 0 ? [] : [`${file}: lines ${unrun.join(", ")} are run by no test`];
      }),
      ...branches.flatMap(({ file, untaken }) => {
        return untaken.map((place) => `${file}:${place}: a branch that no test takes`);
      }),
      ...unloaded.map((file) => `${file}: loaded by no test`),
    ],
  };
}
