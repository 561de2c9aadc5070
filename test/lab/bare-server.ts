// A bare server of the runtime, in a process of its own: `bare-server.ts ADDRESS sound|leak`. Beside a cache
// it shows what the machine does to everybody; it is as busy as a cache, for a process that seldom works
// waits less for a processor. With `leak` it is what a soak has to find: from second to second it holds
// more memory and more descriptors and thinks longer. Prints its ports as JSON.
import { openSync } from "node:fs";
import { selfSigned } from "../../src/cli/demo/certificate.ts";

const WORKS_MS = 2;
const WORKS_EVERY_MS = 8;
const LEAK_EVERY_MS = 100;
const LEAK_BYTES = 4 * 1024 * 1024;
const LEAK_DESCRIPTORS = 2;
/** So many times as long each time. */
const LEAK_MS = 1.1;
const FIRST_MS = 2;

const [address = "127.0.0.1", leak] = process.argv.slice(2);
const body = new Uint8Array(1_000).fill(65);
const held: Uint8Array[] = [];
let thinksMs = 0;

function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

if (leak === "sound") setInterval(() => spin(WORKS_MS), WORKS_EVERY_MS);
if (leak === "leak") {
  setInterval(() => {
    held.push(new Uint8Array(LEAK_BYTES).fill(1));
    for (let i = 0; i < LEAK_DESCRIPTORS; i++) openSync("/dev/null", "r");
    thinksMs = Math.max(FIRST_MS, thinksMs * LEAK_MS);
  }, LEAK_EVERY_MS);
}

function answer(): Response {
  spin(thinksMs);
  return new Response(body, { headers: { "content-type": "image/png" } });
}

const http = Bun.serve({ hostname: address, port: 0, fetch: answer });
const tls = selfSigned(["bare.example"], new Date());
const https = Bun.serve({ hostname: address, port: 0, tls, fetch: answer });
process.stdout.write(`${JSON.stringify({ http: http.port, https: https.port })}\n`);
