// `bun tools/coverage.ts`: which lines and branches of the code that reads what strangers send to a name
// server, and answers it, are run by no test. Ends with 1 if there are any.
import { join } from "node:path";
import { measureCoverage } from "./coverage/measure.ts";

const found = await measureCoverage(join(import.meta.dir, ".."));
for (const one of found.missing) process.stdout.write(`${one}\n`);
const { lines, linesRun, branches, branchesTaken } = found;
process.stdout.write(`${linesRun} of ${lines} lines, ${branchesTaken} of ${branches} branches\n`);
process.exit(found.missing.length === 0 ? 0 : 1);
