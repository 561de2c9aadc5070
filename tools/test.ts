// Every test: sets the machine up as far as it may, then types, lint, tidy, the unit tests in floor
// order and the stories. Names of folders or files as arguments narrow it to those. The last line
// is `N passed, N failed, N skipped`. With CI=true a skip counts as failed unless test/skips.txt
// lists it, and property tests draw from one seed (TURNPIKE_SEED): every other run draws anew.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkCode, Gate, say, storyGroups, unitGroups } from "./gate/gate.ts";
import { installPeers, TEST_PEERS } from "./gate/peers.ts";

const root = join(import.meta.dir, "..");
const only = process.argv.slice(2);
const wanted = (name: string) => only.length === 0 || only.some((one) => name.includes(one));

const CI_SEED = "20261122";
const { CI, TURNPIKE_SEED: seed = CI === "true" ? CI_SEED : undefined } = process.env;
const env = seed === undefined ? {} : { TURNPIKE_SEED: seed };
const gate = new Gate(root);
const stories = storyGroups(root).filter((one) => wanted(one.name));
if (stories.length > 0) {
  const why = installPeers(TEST_PEERS, say);
  if (why !== null) say(`note  peers ${why}; the tests that need them are skipped`);
}
if (only.length === 0) await checkCode(gate, root);
const units = unitGroups(root).filter((one) => wanted(one.name));
await gate.groups(units, { atOnce: 2, env });
await gate.groups(stories, { env });
if (CI === "true") failOnSkips();
process.exit(gate.close());

function failOnSkips(): void {
  const path = join(root, "test/skips.txt");
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  const allowed = new Set(lines.map((line) => line.trim()).filter((line) => /^[^#]/.test(line)));
  for (const skip of gate.skips) {
    if (!allowed.has(skip.name))
      gate.fail(`skipped, and test/skips.txt does not list it: ${skip.name} (${skip.reason})`);
  }
}
