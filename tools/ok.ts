// The gate before a commit: types, lint, tidy and the unit tests beside the code, floor by floor.
// Under a minute, offline, unprivileged.
import { join } from "node:path";
import { checkCode, Gate, unitGroups } from "./gate/gate.ts";

const root = join(import.meta.dir, "..");
const gate = new Gate(root);
await checkCode(gate, root);
await gate.groups(unitGroups(root), { atOnce: 3 });
process.exit(gate.close());
