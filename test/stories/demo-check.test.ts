import { expect, test } from "bun:test";
import { Program } from "../lab/process.ts";
import { ROOT } from "../lab/turnpike.ts";

/** Away from the demo's own ports, so that a demo may run beside the tests. */
/** Below the ports that the kernel gives to clients (32768 and up), which may be in use by then. */
const PORT_BASE = 12_000 + (process.pid % 90) * 100;

test("npm run demo -- --check proves each sentence of the contract and ends with 0", async () => {
  const command = [
    "npm",
    "run",
    "--silent",
    "demo",
    "--",
    "--check",
    "--port-base",
    `${PORT_BASE}`,
  ];
  const demo = new Program(command, { cwd: ROOT });
  const code = await demo.ended();
  await demo.kill();
  if (code !== 0) throw new Error(`It ended with ${code}:\n${demo.output.slice(-8000)}`);
  expect(code).toBe(0);
}, 300_000);
