// Runs a TypeScript entry point of this project under Bun, from a checkout that may be bare: it
// installs what package-lock.json names if that is not what node_modules holds, then starts Bun
// with the arguments given. Needs Node and npm only. Exit code and signals are the child's own.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) {
  process.stderr.write("Cannot run: name an entry point: expected run.mjs FILE [ARGS]\n");
  process.exit(2);
}

/** The Bun binary: npm's own link, or the platform package where install scripts were off. */
function findBun() {
  const places = [
    "node_modules/@oven/bun-linux-x64/bin/bun",
    "node_modules/bun/bin/bun.exe",
    "node_modules/.bin/bun",
  ];
  for (const place of places) {
    const path = join(root, place);
    if (existsSync(path) && spawnSync(path, ["--version"]).status === 0) return path;
  }
  return undefined;
}

const lock = readFileSync(join(root, "package-lock.json"), "utf8");
const stamp = join(root, "node_modules", ".turnpike-lock");
const installed = existsSync(stamp) && readFileSync(stamp, "utf8") === lock;
if (!installed || findBun() === undefined) {
  process.stderr.write("Installing the packages that package-lock.json names ...\n");
  for (const attempt of [1, 2]) {
    const done = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      stdio: ["ignore", 2, 2],
    });
    if (done.status === 0) break;
    if (attempt === 2) {
      process.stderr.write("Cannot install: npm ci failed twice; its own words are above\n");
      process.exit(2);
    }
  }
  writeFileSync(stamp, lock);
}
const bun = findBun();
if (bun === undefined) {
  process.stderr.write(
    "Cannot run: no Bun binary works here: expected node_modules/.bin/bun from npm ci\n",
  );
  process.exit(2);
}
const child = spawn(bun, [join(root, entry), ...args], {
  stdio: "inherit",
  // At most 256 fetches run at once per process unless this is set before it starts.
  env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", TURNPIKE_ROOT: root },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // Ctrl-C in a terminal reaches the child by itself; passed on, it would count as a second one.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
