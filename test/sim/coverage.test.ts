// Lines and branches of wire/dns, wire/dnssec and dns/hot are run by their tests. TURNPIKE_COVERAGE says
// how many of a hundred: all of them by `npm run test:long -- coverage`.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { measureCoverage } from "../../tools/coverage/measure.ts";

const LEAST = Number(process.env.TURNPIKE_COVERAGE ?? 95);

test(`tests run ${LEAST} of a hundred lines and branches of what answers names`, async () => {
  const found = await measureCoverage(join(import.meta.dir, "../.."));
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(found));
  const percent = (part: number, whole: number) => (100 * part) / whole;
  const enough =
    percent(found.linesRun, found.lines) >= LEAST &&
    percent(found.branchesTaken, found.branches) >= LEAST &&
    (LEAST < 100 || found.missing.length === 0);
  expect(enough ? [] : found.missing).toEqual([]);
}, 400_000);
