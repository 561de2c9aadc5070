// `npm run test:long -- NAME|all [--full]`: the suites that count high, one after the other. Each
// leaves its evidence in test/results/NAME.json. Without --full a suite stays under 20 minutes,
// but for the soak, which works for 20.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readMachine } from "../bench/machine.ts";
import { Gate, say } from "./gate/gate.ts";
import { installPeers, TEST_PEERS } from "./gate/peers.ts";
import { SUITES, type Suite } from "./gate/suites.ts";

const root = join(import.meta.dir, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { full: { type: "boolean", default: false } },
});
const names = Object.keys(SUITES);
const wanted = positionals.includes("all") ? names : positionals;
const unknown = wanted.find((name) => !names.includes(name));
if (wanted.length === 0 || unknown !== undefined) {
  process.stderr.write(
    `Cannot run: expected ${names.join(", ")} or all: received ${unknown ?? "nothing"}\n`,
  );
  process.exit(2);
}
const mayOpen = descriptorsMax();
for (const name of values.full ? wanted : []) {
  const { fullDescriptors = 0 } = SUITES[name]!;
  if (fullDescriptors <= mayOpen) continue;
  process.stderr.write(
    `Cannot run ${name} --full: expected ${fullDescriptors} descriptors or more (ulimit -n): received ${mayOpen}\n`,
  );
  process.exit(2);
}
const why = installPeers(TEST_PEERS, say);
if (why !== null) say(`note  peers ${why}; what needs them is skipped`);
const gate = new Gate(root);
for (const name of wanted) await runSuite(name, SUITES[name]!);
process.exit(gate.close());

/** Tests write what they measured, as one JSON object, to the file that TURNPIKE_EVIDENCE names. */
async function runSuite(name: string, suite: Suite): Promise<void> {
  const folder = join(root, "test/results");
  mkdirSync(folder, { recursive: true });
  const figures = join(folder, `${name}.json.tmp`);
  const startedAt = new Date();
  const failedBefore = gate.failed;
  const passedBefore = gate.passed;
  const limitSec = values.full ? 24 * 3600 : (suite.limitSec ?? 20 * 60);
  const env = { ...(values.full ? suite.full : suite.env), TURNPIKE_EVIDENCE: figures };
  await gate.groups([{ name, files: suite.files, limitSec, testLimitSec: limitSec }], { env });
  const evidence = {
    suite: name,
    full: values.full,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    passed: gate.passed - passedBefore,
    failed: gate.failed - failedBefore,
    machine: readMachine(root),
    figures: readFigures(figures),
  };
  rmSync(figures, { force: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`);
}

/** How many files and sockets a process started here may have open. */
function descriptorsMax(): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return soft?.[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft?.[1]);
}

function readFigures(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
