// A bare server of the runtime, in a process of its own: `bare-server.ts ADDRESS [leak]`. Beside a cache it
// shows what the machine does to everybody. With `leak` it is what a soak has to find: from second to
// second it holds more memory and more descriptors and thinks longer. Prints its ports as JSON.
import { openSync } from "node:fs";
import { selfSigned } from "../../src/cli/demo/certificate.ts";

const LEAK_EVERY_MS = 100;
const LEAK_BYTES = 4 * 1024 * 1024;
const LEAK_DESCRIPTORS = 2;
/** So many times as long each time. */
const LEAK_MS = 1.12;
const FIRST_MS = 0.2;

const [address = "127.0.0.1", leak] = process.argv.slice(2);
const body = new Uint8Array(1_000).fill(65);
const held: Uint8Array[] = [];
let thinksMs = 0;

if (leak === "leak") {
  setInterval(() => {
    held.push(new Uint8Array(LEAK_BYTES).fill(1));
    for (let i = 0; i < LEAK_DESCRIPTORS; i++) openSync("/dev/null", "r");
    thinksMs = Math.max(FIRST_MS, thinksMs * LEAK_MS);
  }, LEAK_EVERY_MS);
}

function answer(): Response {
  const until = performance.now() + thinksMs;
  while (performance.now() < until);
  return new Response(body, { headers: { "content-type": "image/png" } });
}

const http = Bun.serve({ hostname: address, port: 0, fetch: answer });
const tls = selfSigned(["bare.example"], new Date());
const https = Bun.serve({ hostname: address, port: 0, tls, fetch: answer });
process.stdout.write(`${JSON.stringify({ http: http.port, https: https.port })}\n`);
