import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isSource } from "./lines.ts";

/** Branches of one file that no test takes. */
export interface Untaken {
  readonly file: string;
  readonly branches: number;
  /** Where untaken branches begin and end, as `line:column-line:column`. */
  readonly untaken: readonly string[];
}

/**
 * Bundles unit tests for Node, which counts branches as Bun does not, runs them under c8, and tells of
 * each source file of `folders` how many branches it has and where some are not taken. Throws if they
 * cannot be run.
 */
export async function untakenBranches(
  root: string,
  o: { readonly tests: readonly string[]; readonly folders: readonly string[] },
): Promise<Untaken[]> {
  const out = join(root, "dist/branches");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  try {
    const bundle = await bundleTests(root, out, o.tests);
    const done = spawnSync("node", [...c8Arguments(root, out), "node", bundle], {
      cwd: root,
      encoding: "utf8",
      timeout: 300_000,
      // The same draws in each run, so that what is taken once is taken each time.
      env: { ...process.env, TURNPIKE_SEED: "1" },
    });
    // Whether a test passes is Bun's to say; one that ends early here only takes fewer branches.
    if (!existsSync(join(out, "coverage-final.json"))) {
      throw new Error(`c8 ended with ${done.status}:\n${done.stdout}${done.stderr}`);
    }
    return readReport(root, join(out, "coverage-final.json"), o.folders);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function bundleTests(root: string, out: string, tests: readonly string[]): Promise<string> {
  const entry = join(out, "entry.ts");
  const imports = tests.map((test) => `import ${JSON.stringify(join(root, test))};`);
  const shim = join(root, "tools/coverage/node-test.ts");
  const last = "process.exitCode = (await run((line) => console.log(line))) === 0 ? 0 : 1;";
  const seed = `import ${JSON.stringify(join(root, "test/fixtures/seed.ts"))};`;
  const text = [seed, ...imports, `import { run } from ${JSON.stringify(shim)};`, last].join("\n");
  writeFileSync(entry, text);
  const built = await Bun.build({
    entrypoints: [entry],
    outdir: out,
    target: "node",
    format: "esm",
    sourcemap: "linked",
    packages: "external",
    naming: "bundle.mjs",
    plugins: [
      {
        name: "tests under Node",
        setup(build) {
          build.onResolve({ filter: /^bun:test$/ }, () => ({ path: shim }));
        },
      },
    ],
  });
  if (!built.success) throw new Error(built.logs.join("\n"));
  return join(out, "bundle.mjs");
}

/** c8 filters by the names of what runs, the bundle, and not of what it was made of. */
function c8Arguments(root: string, out: string): string[] {
  return [
    join(root, "node_modules/c8/bin/c8.js"),
    ...["--include", "dist/branches/bundle.mjs"],
    ...["--reporter", "json", "--reports-dir", out, "--temp-directory", join(out, "raw")],
  ];
}

interface Place {
  readonly line: number;
  readonly column: number;
}
interface Loc {
  readonly start: Place;
  readonly end: Place;
}

interface FileReport {
  readonly path: string;
  readonly branchMap: Readonly<Record<string, { readonly loc: Loc }>>;
  readonly b: Readonly<Record<string, readonly number[]>>;
}

function readReport(root: string, path: string, folders: readonly string[]): Untaken[] {
  const report = JSON.parse(readFileSync(path, "utf8")) as Record<string, FileReport>;
  const named = Object.values(report).map((one) => ({
    ...one,
    file: one.path.slice(root.length + 1),
  }));
  const text = (file: string) => readFileSync(join(root, file), "utf8").split("\n");
  const wanted = named.filter(({ file }) => isSource(file, folders));
  return wanted.map(({ file, branchMap, b }) => {
    const untaken = Object.entries(b).filter(([, counts]) => counts.includes(0));
    const places = untaken.map(([id]) => branchMap[id]!.loc);
    const real = places.filter((loc) => !isNothing(text(file), loc));
    const words = real.map(({ start, end }) => {
      return `${start.line}:${start.column}-${end.line}:${end.column}`;
    });
    return { file, branches: Object.keys(b).length, untaken: words };
  });
}

/** After a loop that is only left by `return`, the engine counts a branch of nothing but its brace. */
function isNothing(lines: readonly string[], { start, end }: Loc): boolean {
  if (start.line !== end.line) return false;
  return /^\s*}\s*$/.test((lines[start.line - 1] ?? "").slice(start.column, end.column));
}
