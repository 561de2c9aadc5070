// One self-contained executable, dist/turnpike: the program, its Worker files (each an entry of its
// own) and what they import. `--outfile FILE` writes it elsewhere.
import { mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findWorkers } from "./build/workers.ts";

const root = join(import.meta.dir, "..");
const { values } = parseArgs({
  options: { outfile: { type: "string", default: join(root, "dist/turnpike") } },
});
const outfile = resolve(values.outfile);
mkdirSync(dirname(outfile), { recursive: true });
const entries = ["src/cli/main.ts", ...findWorkers(root)];
const done = Bun.spawnSync(
  [
    process.execPath,
    "build",
    "--compile",
    "--minify-syntax",
    "--sourcemap=inline",
    ...entries.map((entry) => `./${entry}`),
    "--outfile",
    outfile,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
if (done.exitCode !== 0) process.exit(1);
const megabytes = (statSync(outfile).size / 1e6).toFixed(0);
process.stdout.write(`${outfile}, ${megabytes} MB, from ${entries.join(", ")}\n`);
