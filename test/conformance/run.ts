// Runs the public suite of HTTP cache tests against this edge and prints what did not pass. Test ids
// as arguments narrow it to those and show their messages; `--write` keeps the outcome of a whole
// run in results.json and renews docs/conformance.md.
import { writeFileSync } from "node:fs";
import { KINDS, keep, PAGE, passedOf, RESULTS, renderPage } from "./page.ts";
import { install, runSuite } from "./suite.ts";

const why = install();
if (why !== null) throw new Error(why);
// `--tiers`: through a cache and its parent.
const tiers = process.argv.includes("--tiers");
const ids = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
const outcomes =
  ids.length === 0
    ? await runSuite(undefined, { tiers })
    : await runSuite(ids, { dump: true, tiers });
for (const [id, one] of Object.entries(outcomes)) {
  if (one.outcome === "pass" || one.kind === "check") continue;
  process.stdout.write(`${one.kind} ${one.outcome} ${id}: ${one.words ?? ""}\n`);
}
const kept = keep(outcomes);
for (const kind of KINDS) {
  const { passed, of } = passedOf(kept, kind);
  process.stdout.write(`${kind}: ${passed} of ${of}\n`);
}
if (process.argv.includes("--write") && ids.length === 0) {
  writeFileSync(RESULTS, `${JSON.stringify(kept, null, 2)}\n`);
  writeFileSync(PAGE, renderPage());
}
