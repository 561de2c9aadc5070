import { describe, expect, test } from "bun:test";
import { realClock } from "../../base/real/clock.ts";
import { checkContract, RIGHT_MS, withServer } from "./check.contract.ts";
import { checkExporter } from "./exporter.ts";

function scrape(
  port: number,
  timeoutMs: number,
  previous: Parameters<typeof checkExporter>[0]["previous"] = null,
) {
  const url = new URL(`http://exporter.example:${port}/metrics`);
  return checkExporter({ address: "127.0.0.1", url, timeoutMs, clock: realClock, previous });
}

const head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
const metrics = (busySec: number, available: number) =>
  [
    `${head}node_cpu_seconds_total{cpu="0",mode="idle"} ${100 + busySec}`,
    `node_cpu_seconds_total{cpu="0",mode="user"} ${2 * busySec}`,
    "node_memory_MemTotal_bytes 1000",
    `node_memory_MemAvailable_bytes ${available}\n`,
  ].join("\n");

checkContract({
  name: "checkExporter()",
  run: async (port, timeoutMs) => (await scrape(port, timeoutMs)).outcome,
  right: (socket) => socket.once("data", () => socket.end(metrics(0, 100))),
  endlessHead: head,
  trickleHead: head,
  lies: {
    "no metrics": { sends: `${head}<h1>secret</h1>`, verdict: "not an exporter" },
    "numbers beyond all bounds": {
      sends: `${head}node_memory_MemTotal_bytes 1e300\n`,
      verdict: "not an exporter",
    },
    "a refusal": { sends: "HTTP/1.1 401 No\r\n\r\nsecret", verdict: "status 401" },
  },
  verdicts: {
    silent: "timeout",
    garbage: "not http",
    endless: "too large",
    endlessGarbage: "not http",
    hangsUp: "not http",
    resets: "reset",
    trickles: "timeout",
  },
});

describe("checkExporter()", () => {
  test("turns two scrapes into loads", async () => {
    let busySec = 0;
    await withServer(
      (socket) => socket.once("data", () => socket.end(metrics(busySec, 100))),
      async (port) => {
        const first = await scrape(port, RIGHT_MS);
        expect(first.outcome.loads?.map((l) => l.kind)).toEqual(["memory"]);
        busySec = 1;
        const second = await scrape(port, RIGHT_MS, first.reading);
        const loads = Object.fromEntries(second.outcome.loads?.map((l) => [l.kind, l.load]) ?? []);
        expect(loads.cpu).toBeCloseTo(2 / 3, 6);
        expect(loads.memory).toBeCloseTo(0.5, 6);
      },
    );
  });

  test("a page that is no exporter's is a failure without its words", async () => {
    const { outcome } = await withServer(
      (socket) => socket.once("data", () => socket.end(`${head}<h1>secret</h1>`)),
      (port) => scrape(port, RIGHT_MS),
    );
    expect(outcome.failure).toBe("not an exporter");
    const missing = await withServer(
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 404 No\r\n\r\nsecret")),
      (port) => scrape(port, RIGHT_MS),
    );
    expect(missing.outcome.failure).toBe("status 404");
  });
});
