import { describe, expect, test } from "bun:test";
import { realClock } from "../../base/real/clock.ts";
import { checkContract, withServer } from "./check.contract.ts";
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
  verdicts: {
    silent: "timeout",
    garbage: "not http",
    endless: "too large",
    endlessGarbage: "not http",
    hangsUp: "not http",
  },
});

describe("checkExporter()", () => {
  test("turns two scrapes into loads", async () => {
    let busySec = 0;
    await withServer(
      (socket) => socket.once("data", () => socket.end(metrics(busySec, 100))),
      async (port) => {
        const first = await scrape(port, 500);
        expect(first.outcome.loads?.map((l) => l.kind)).toEqual(["memory"]);
        busySec = 1;
        const second = await scrape(port, 500, first.reading);
        const loads = Object.fromEntries(second.outcome.loads?.map((l) => [l.kind, l.load]) ?? []);
        expect(loads.cpu).toBeCloseTo(2 / 3, 6);
        expect(loads.memory).toBeCloseTo(0.5, 6);
      },
    );
  });

  test("a page that is no exporter's is a failure without its words", async () => {
    const { outcome } = await withServer(
      (socket) => socket.once("data", () => socket.end(`${head}<h1>secret</h1>`)),
      (port) => scrape(port, 500),
    );
    expect(outcome.failure).toBe("not an exporter");
    const missing = await withServer(
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 404 No\r\n\r\nsecret")),
      (port) => scrape(port, 500),
    );
    expect(missing.outcome.failure).toBe("status 404");
  });
});
