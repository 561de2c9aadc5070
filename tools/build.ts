// One self-contained executable, dist/turnpike: the program, its Worker files (each an entry of its
// own), what they import, and the portal, built beforehand. `--outfile FILE` writes it elsewhere.
import { mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { embeddedPortal } from "./build/portal.ts";
import { findWorkers } from "./build/workers.ts";

const root = join(import.meta.dir, "..");
const { values } = parseArgs({
  options: { outfile: { type: "string", default: join(root, "dist/turnpike") } },
});
const outfile = resolve(values.outfile);
mkdirSync(dirname(outfile), { recursive: true });
const entries = ["src/cli/main.ts", ...findWorkers(root)];
const portal = await embeddedPortal();
const built = await Bun.build({
  entrypoints: entries.map((entry) => join(root, entry)),
  root: join(root, "src"),
  target: "bun",
  compile: { outfile },
  minify: { syntax: true },
  sourcemap: "inline",
  define: { "process.env.NODE_ENV": '"production"' },
  plugins: [portal],
  throw: false,
});
if (!built.success) {
  for (const line of built.logs) process.stderr.write(`${String(line)}\n`);
  process.exit(1);
}
const megabytes = (statSync(outfile).size / 1e6).toFixed(0);
process.stdout.write(`${outfile}, ${megabytes} MB, from ${entries.join(", ")}\n`);
