// A small exporter in node_exporter's format, run as a program of its own: `exporter.ts HOST PORT
// FILE`. FILE holds the share of CPU that is busy, 0 to 1, and is read at each scrape.
import { readFileSync } from "node:fs";

const [host = "", port = "", file = ""] = process.argv.slice(2);
let at = performance.now();
let idleSec = 1000;
let userSec = 1000;

Bun.serve({
  hostname: host,
  port: Number(port),
  fetch() {
    const busy = Number(readFileSync(file, "utf8"));
    const passedSec = (performance.now() - at) / 1000;
    at += passedSec * 1000;
    idleSec += passedSec * (1 - busy);
    userSec += passedSec * busy;
    const lines = [
      "# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.",
      "# TYPE node_cpu_seconds_total counter",
      `node_cpu_seconds_total{cpu="0",mode="idle"} ${idleSec}`,
      `node_cpu_seconds_total{cpu="0",mode="user"} ${userSec}`,
      "# TYPE node_memory_MemTotal_bytes gauge",
      "node_memory_MemTotal_bytes 8e+09",
      "# TYPE node_memory_MemAvailable_bytes gauge",
      "node_memory_MemAvailable_bytes 6e+09",
    ];
    return new Response(`${lines.join("\n")}\n`, {
      headers: { "content-type": "text/plain; version=0.0.4" },
    });
  },
});
process.stdout.write("listening\n");
