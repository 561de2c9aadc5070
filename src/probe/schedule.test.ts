import { describe, expect, test } from "bun:test";
import { silentLog } from "../base/log.ts";
import { realClock } from "../base/real/clock.ts";
import { seededRng } from "../base/rng.ts";
import type { CheckReport } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { withServer } from "./checks/check.contract.ts";
import { origins, snapshotOf } from "./judge/judge.fixture.ts";
import { startSchedule } from "./schedule.ts";

const A = "www0.shop.example/o0";

function local(port: number, more: Record<string, unknown> = {}): Snapshot {
  const origin = { name: "o0", v4: "127.0.0.1", ...more };
  const made = snapshotOf([{ port, origins: [{ ...origin, v4: "198.51.0.1" }] }]);
  // The compiler refuses private addresses unless they are allowed; here the check itself must.
  const origins = made.origins.map((one) => ({ ...one, v4: origin.v4 }));
  return { ...made, origins };
}

/** Reports in the order they come, until `enough` says so. */
async function collect(
  snapshots: readonly Snapshot[],
  enough: (reports: readonly CheckReport[]) => boolean,
): Promise<CheckReport[]> {
  const reports: CheckReport[] = [];
  await new Promise<void>((resolve) => {
    const onReport = (report: CheckReport) => {
      reports.push(report);
      if (!enough(reports)) return;
      schedule.stop();
      resolve();
    };
    const schedule = startSchedule({
      clock: realClock,
      rng: seededRng(1),
      log: silentLog,
      onReport,
    });
    for (const snapshot of snapshots) schedule.setSnapshot(snapshot);
  });
  return reports;
}

describe("startSchedule()", () => {
  test("never connects to an address that the network does not allow", async () => {
    let connections = 0;
    await withServer(
      () => {
        connections++;
      },
      async (port) => {
        const forbidden = local(port, { exporter: `http://localhost:${port}/metrics` });
        const reports = await collect([forbidden], (seen) => seen.length >= 2);
        expect(reports.map((one) => one.failure)).toEqual(Array(2).fill("address not allowed"));
        expect(new Set(reports.map((one) => one.check))).toEqual(new Set(["http", "exporter"]));
      },
    );
    expect(connections).toBe(0);
  });

  test("checks again at the interval, and a check that did not change goes on", async () => {
    const right = (socket: import("node:net").Socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n"));
    };
    await withServer(right, async (port) => {
      const allowed = { ...local(port), allowPrivateOrigins: true };
      const started = realClock.monoMs();
      const reports = await collect(
        [allowed, { ...allowed, number: 2 }],
        (seen) => seen.length >= 2,
      );
      expect(reports.map((one) => [one.target, one.ok])).toEqual(Array(2).fill([A, true]));
      const tookMs = realClock.monoMs() - started;
      expect(tookMs).toBeGreaterThan(900);
      expect(tookMs).toBeLessThan(2500);
    });
  });

  test("many names at one address are checked less often, not the address more", async () => {
    let connections = 0;
    const count = (socket: import("node:net").Socket) => {
      connections++;
      socket.once("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n"));
    };
    await withServer(count, async (port) => {
      const many = Array.from({ length: 300 }, (_, i) => ({
        ...origins(1)[0],
        name: `o${i}`,
        v4: `198.51.${i >> 8}.${i & 255}`,
      }));
      const sites = Array.from({ length: 3 }, (_, i) => ({
        port,
        origins: many.slice(i * 100, (i + 1) * 100),
      }));
      const made = snapshotOf(sites);
      const victims = made.origins.map((one) => ({ ...one, v4: "127.0.0.1" }));
      const started = realClock.monoMs();
      await collect([{ ...made, allowPrivateOrigins: true, origins: victims }], () => {
        return realClock.monoMs() - started > 1500;
      });
    });
    expect(connections).toBeLessThan(64 * 1.5 * 3.2);
  });

  test("a host name that nobody knows is a failure like any other", async () => {
    const made = snapshotOf([], {
      nodes: [
        {
          name: "e1",
          pop: "fra",
          roles: ["edge"],
          addresses: { v4: "127.0.0.1" },
          measure: { exporter: "http://nowhere.invalid:9100/metrics" },
        },
      ],
    });
    const reports = await collect([made], (seen) => seen.some((one) => one.check === "exporter"));
    const scraped = reports.find((one) => one.check === "exporter");
    expect(scraped).toMatchObject({ ok: false, failure: "unknown host", family: 4 });
  });
});
