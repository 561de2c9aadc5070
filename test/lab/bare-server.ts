// A bare server of the runtime, in a process of its own: `bare-server.ts ADDRESS sound|leak`. Beside a cache
// it shows what the machine does to everybody; it is about as busy as a cache, for a process that seldom
// works waits less for a processor, and its work is always the same: `/works` says how often it was done.
// With `leak` it is what a soak has to find: from second to second it holds more memory and more
// descriptors and thinks longer. Prints its ports as JSON.
import { openSync } from "node:fs";
import { selfSigned } from "../../src/cli/demo/certificate.ts";

/** Hashed each time: what takes about two milliseconds. */
const WORK_BYTES = 2 * 1024 * 1024;
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

const work = new Uint8Array(WORK_BYTES).fill(1);
let works = 0;
if (leak === "sound") {
  setInterval(() => {
    Bun.SHA256.hash(work);
    works++;
  }, WORKS_EVERY_MS);
}
if (leak === "leak") {
  setInterval(() => {
    held.push(new Uint8Array(LEAK_BYTES).fill(1));
    for (let i = 0; i < LEAK_DESCRIPTORS; i++) openSync("/dev/null", "r");
    thinksMs = Math.max(FIRST_MS, thinksMs * LEAK_MS);
  }, LEAK_EVERY_MS);
}

function answer(request: Request): Response {
  if (request.url.endsWith("/works")) return Response.json(works);
  spin(thinksMs);
  return new Response(body, { headers: { "content-type": "image/png" } });
}

const http = Bun.serve({ hostname: address, port: 0, fetch: answer });
const tls = selfSigned(["bare.example"], new Date());
const https = Bun.serve({ hostname: address, port: 0, tls, fetch: answer });
process.stdout.write(`${JSON.stringify({ http: http.port, https: https.port })}\n`);
