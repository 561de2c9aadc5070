// The gate before a commit: types, lint, tidy and the unit tests beside the code, floor by floor.
// Under a minute, offline, unprivileged.
import { join } from "node:path";
import { checkCode, Gate, unitGroups } from "./gate/gate.ts";

const root = join(import.meta.dir, "..");
const gate = new Gate(root);
await checkCode(gate, root);
for (const group of unitGroups(root)) await gate.group(group);
process.exit(gate.close());
