import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJunit, type Skip, type Tally } from "./junit.ts";
import { runStep, type StepEnd } from "./step.ts";

/** Test files that run in one process of their own, under one time limit. */
export interface Group {
  readonly name: string;
  readonly files: readonly string[];
  readonly limitSec: number;
  /** Default time limit of one test in it. */
  readonly testLimitSec: number;
}

const FLOOR_ORDER = [
  "src/base",
  "src/wire",
  "src/model",
  "src/policy",
  "src/store",
  "src/bus",
  "src/dns",
  "src/edge",
  "src/probe",
  "src/control",
  "src/portal",
  "src/cli",
];

/** Loaded before every test: what property tests draw from. */
const SEED = "test/fixtures/seed.ts";

/** Tests that drive a real browser: they stand beside the code but are no part of the quick gate. */
const BROWSER = /-browser\.test\.tsx?$/;

/** Unit tests beside the code, in floor order: the first red is the root cause. */
export function unitGroups(root: string): Group[] {
  return [...FLOOR_ORDER, "tools", "bench"].flatMap((folder) => {
    const files = testFiles(root, folder).filter((file) => !BROWSER.test(file));
    return files.length === 0 ? [] : [{ name: folder, files, limitSec: 420, testLimitSec: 20 }];
  });
}

/**
 * Everything under test/, and what drives a browser, one file a process: a story that crashes or
 * hangs takes no other along.
 */
export function storyGroups(root: string): Group[] {
  const beside = testFiles(root, "src").filter((file) => BROWSER.test(file));
  return [...beside, ...testFiles(root, "test")].map((file) => ({
    name: file.replace(/\.test\.tsx?$/, ""),
    files: [file],
    limitSec: 420,
    testLimitSec: 120,
  }));
}

function testFiles(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.test\.tsx?$/.test(name) && !name.includes("node_modules"))
    .map((name) => `${folder}/${name}`)
    .sort();
}

interface GroupEnd {
  readonly end: StepEnd;
  readonly tally: Tally | null;
  /** What it left in its folder for temporary files. */
  readonly left: readonly string[];
}

export class Gate {
  readonly #root: string;
  #passed = 0;
  #failed = 0;
  readonly #skips: Skip[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  get skips(): readonly Skip[] {
    return this.#skips;
  }

  get passed(): number {
    return this.#passed;
  }

  get failed(): number {
    return this.#failed;
  }

  /** A check that passes or fails as a whole, such as the compiler. */
  async check(name: string, command: readonly string[], limitSec = 120): Promise<void> {
    const end = await runStep(command, { cwd: this.#root, limitSec });
    if (end.code === 0) this.#passed++;
    else this.fail(`${name}: ${endWords(end)}`, end.output);
    if (end.code === 0) say(`ok    ${name}, ${end.seconds.toFixed(1)} s`);
  }

  /**
   * Runs groups under `bun test`, some at a time, and tells of them in their order; without a whole
   * report a group counts as failed.
   */
  async groups(
    all: readonly Group[],
    o: { atOnce?: number; env?: Readonly<Record<string, string>> } = {},
  ): Promise<void> {
    const waiting = all.map((one) => ({ one, ran: Promise.withResolvers<GroupEnd>() }));
    const queue = [...waiting];
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift())
        next.ran.resolve(await this.#run(next.one, o.env ?? {}));
    };
    const workers = Array.from({ length: o.atOnce ?? 1 }, worker);
    for (const { one, ran } of waiting) {
      this.#count(one, await ran.promise);
    }
    await Promise.all(workers);
  }

  /**
   * What a group leaves counts when it leaves it again: removing a folder in which somebody still removes
   * files can end early in this runtime, and says nothing.
   */
  async #run(one: Group, env: Readonly<Record<string, string>>): Promise<GroupEnd> {
    const first = await this.#runOnce(one, env);
    if (first.left.length === 0 || first.end.code !== 0) return { ...first, left: [] };
    return { ...first, left: (await this.#runOnce(one, env)).left };
  }

  /** Each has a folder of its own for temporary files, so that what one leaves is told apart. */
  async #runOnce(one: Group, env: Readonly<Record<string, string>>): Promise<GroupEnd> {
    const folder = mkdtempSync(join(tmpdir(), "tp-"));
    const own = join(folder, "t");
    mkdirSync(own);
    // Some peers run as users of their own, and read files that are made below.
    for (const path of [folder, own]) chmodSync(path, 0o755);
    const report = join(folder, "report.xml");
    const end = await runStep(
      [
        process.execPath,
        "test",
        ...(existsSync(join(this.#root, SEED)) ? [`--preload=./${SEED}`] : []),
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        `--timeout=${one.testLimitSec * 1000}`,
        ...one.files.map((file) => `./${file}`),
      ],
      { cwd: this.#root, limitSec: one.limitSec, env: { ...env, TMPDIR: own } },
    );
    const tally = existsSync(report) ? readJunit(readFileSync(report, "utf8")) : null;
    const left = readdirSync(own).filter((name) => name.startsWith("turnpike-"));
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // A process that it left behind still writes there: that is no matter of whether tests passed.
    }
    return { end, tally, left };
  }

  #count(one: Group, { end, tally, left }: GroupEnd): void {
    const { passed, failed, skipped } = tally ?? { passed: 0, failed: 0, skipped: [] };
    this.#passed += passed;
    this.#skips.push(...skipped);
    const crashed = tally === null || (failed === 0 && end.code !== 0);
    const figures = `${passed} passed, ${failed} failed, ${skipped.length} skipped`;
    const line = `${one.name}: ${figures}, ${end.seconds.toFixed(1)} s`;
    if (crashed) this.fail(`${line}, and ${endWords(end)}`, end.output);
    else if (failed > 0) {
      this.#failed += failed;
      say(`FAIL  ${line}\n${tail(end.output)}`);
    } else if (left.length > 0) this.fail(`${line}, and it left ${left.join(", ")}`, end.output);
    else say(`ok    ${line}`);
  }

  fail(words: string, output = ""): void {
    this.#failed++;
    say(`FAIL  ${words}${output === "" ? "" : `\n${tail(output)}`}`);
  }

  /** Prints the skips and the last line; returns the exit code. */
  close(): 0 | 1 {
    for (const skip of this.#skips) say(`skip  ${skip.name}: ${skip.reason}`);
    say(`${this.#passed} passed, ${this.#failed} failed, ${this.#skips.length} skipped`);
    return this.#failed === 0 ? 0 : 1;
  }
}

function endWords(end: StepEnd): string {
  if (end.timedOut) return `it was ended at its time limit, after ${end.seconds.toFixed(0)} s`;
  return end.code === null ? "it crashed" : `it ended with exit code ${end.code}`;
}

/** The failures of a test run, without the passes; or the last lines of anything else. */
function tail(output: string): string {
  const kept = output.split("\n").filter((line) => !/^\((pass|skip|todo)\)/.test(line));
  return kept.slice(-160).join("\n").trimEnd();
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Types, lint and tidy: what every gate runs first. */
export async function checkCode(gate: Gate, root: string): Promise<void> {
  const bin = (name: string) => join(root, "node_modules/.bin", name);
  const checks = [gate.check("types", [bin("tsc"), "-p", "."])];
  if (existsSync(join(root, "src/portal/tsconfig.json")))
    checks.push(gate.check("types of the portal", [bin("tsc"), "-p", "src/portal"]));
  checks.push(gate.check("lint", [bin("biome"), "ci", "--colors=off", "--error-on-warnings", "."]));
  checks.push(gate.check("tidy", [process.execPath, "tools/tidy.ts"]));
  await Promise.all(checks);
}
