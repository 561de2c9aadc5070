// The runtime by itself, in a process of its own, for bench/edge.ts: a map of ready answers, the request's
// fields read that a hit reads, and the ten fields that a hit's answer has. No sites, no rules, no
// metering, no expiry: what our cache costs beyond it is our own. Arguments: address, ports for HTTP and
// HTTPS, PEM files of certificate and key, then of each folder its name, objects and their bytes.
import { readFileSync } from "node:fs";

/** From here on bodies are shared, as those of our cache are (src/edge/cache/memory.ts). */
const SHARED_BYTES_LEAST = 16_384;

const [hostname = "", http = "", https = "", cert = "", key = "", host = "", ...folders] =
  process.argv.slice(2);

interface Ready {
  readonly body: Uint8Array<ArrayBuffer> | Blob;
  readonly init: { readonly headers: Headers };
}

function readyAt(url: string, bytes: number): Ready {
  const content = new Uint8Array(bytes).fill(107);
  const headers = new Headers({
    age: "1",
    "cache-control": "public, max-age=86400",
    "cache-status": "edge-1; hit; ttl=86399",
    "content-type": "image/png",
    date: new Date().toUTCString(),
    etag: '"5f3c-1a2b"',
    "last-modified": "Sun, 01 Nov 2026 10:00:00 GMT",
    link: `<${url}>; rel="canonical"`,
    via: "1.1 edge-1",
    "x-content-type-options": "nosniff",
  });
  const body = bytes < SHARED_BYTES_LEAST ? content : new Blob([content]);
  return { body, init: { headers } };
}

const ready = new Map<string, Ready>();
for (const folder of folders) {
  const [name, objects, bytes] = folder.split(":");
  for (let i = 0; i < Number(objects); i++) {
    for (const scheme of ["http", "https"]) {
      const url = `${scheme}://${host}/${name}/${i}`;
      ready.set(url, readyAt(url, Number(bytes)));
    }
  }
}

function answer({ url, method, headers }: Request): Response {
  const found = ready.get(url);
  const plain =
    headers.get("host") === host &&
    headers.get("if-none-match") === null &&
    headers.get("range") === null &&
    headers.get("if-modified-since") === null;
  if (found === undefined || method !== "GET" || !plain) return new Response(null, { status: 404 });
  return new Response(found.body, found.init);
}

const both = { hostname, development: false, fetch: answer };
Bun.serve({ ...both, port: Number(http) });
const tls = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
Bun.serve({ ...both, port: Number(https), tls, http2: true });
