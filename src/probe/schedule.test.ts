import { describe, expect, test } from "bun:test";
import { Stall } from "../../test/lab/stall.ts";
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
      const stall = new Stall();
      const reports = await collect(
        [allowed, { ...allowed, number: 2 }],
        (seen) => seen.length >= 2,
      );
      expect(reports.map((one) => [one.target, one.ok])).toEqual(Array(2).fill([A, true]));
      const tookMs = realClock.monoMs() - started;
      stall.stop();
      expect(tookMs).toBeGreaterThan(900);
      expect(tookMs - stall.lostMs).toBeLessThan(2500);
    });
  });

  test("asks sooner after a failure, and does not wait for a check that hangs", async () => {
    let answers: ((socket: import("node:net").Socket) => void)[] = [];
    const well = (socket: import("node:net").Socket) => {
      socket.end("HTTP/1.1 204 No Content\r\n\r\n");
    };
    const ill = (socket: import("node:net").Socket) => {
      socket.end("HTTP/1.1 500 Broken\r\n\r\n");
    };
    const silent = () => {};
    const atMs: number[] = [];
    const server = (socket: import("node:net").Socket) => {
      atMs.push(realClock.monoMs());
      const answer = answers.shift() ?? well;
      socket.once("data", () => answer(socket));
    };
    const play = async (script: typeof answers) => {
      answers = [...script];
      atMs.length = 0;
      const stall = new Stall();
      const reports = await withServer(server, (port) =>
        collect([{ ...local(port), allowPrivateOrigins: true }], (seen) => seen.length >= 3),
      );
      stall.stop();
      const [first = 0, second = 0, third = 0] = atMs;
      const confirmMs = third - second - stall.lostMs;
      // The first may have been taken late.
      const gapMs = second - first + stall.lostMs;
      return { said: reports.map((one) => one.failure), gapMs, confirmMs };
    };
    // A machine that stands still at the wrong moment makes a quick server a slow one: once is enough.
    const sooner = async (script: typeof answers, words: string) => {
      let confirmMs = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < 4 && confirmMs >= 900; tries++) {
        const played = await play(script);
        expect(played.said).toEqual(["", words, words]);
        expect(played.gapMs).toBeGreaterThan(900);
        confirmMs = played.confirmMs;
      }
      return confirmMs;
    };
    expect(await sooner([well, ill, ill], "status 500")).toBeLessThan(900);
    // Before the first of the two has timed out.
    expect(await sooner([well, silent, silent], "timeout")).toBeLessThan(900);
  }, 30_000);

  test("checks at once a server that somebody saw failing, but not twice in half an interval", async () => {
    const right = (socket: import("node:net").Socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n"));
    };
    await withServer(right, async (port) => {
      let heard: (report: CheckReport) => void = () => {};
      let seen = 0;
      const next = () => new Promise<CheckReport>((resolve) => (heard = resolve));
      let aheadMs = 0;
      const clock = { ...realClock, monoMs: () => realClock.monoMs() + aheadMs };
      const onReport = (report: CheckReport) => {
        seen++;
        // Once the beat has taken note of it, too.
        setImmediate(() => heard(report));
      };
      const schedule = startSchedule({ clock, rng: seededRng(1), log: silentLog, onReport });
      const made = { ...local(port), allowPrivateOrigins: true };
      const sites = made.sites.map((one) => {
        return { ...one, check: { ...one.check, intervalMs: 3_600_000 } };
      });
      const first = next();
      schedule.setSnapshot({ ...made, sites });
      expect(await first).toMatchObject({ target: A, ok: true });
      schedule.hurry(A);
      schedule.hurry(A);
      aheadMs = 1_900_000;
      schedule.hurry("www0.shop.example/other");
      const second = next();
      schedule.hurry(A);
      schedule.hurry(A);
      // No other can come within the hour.
      expect(await second).toMatchObject({ target: A, ok: true });
      schedule.stop();
      expect(seen).toBe(2);
    });
  });

  test("many names at one address are checked less often, not the address more", async () => {
    let connections = 0;
    let tookMs = 0;
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
        tookMs = realClock.monoMs() - started;
        return tookMs > 1500;
      });
    });
    // 64 a second, three of them by chance within the first, and those under way.
    expect(connections).toBeLessThan(64 * (tookMs / 1000) * 3.2);
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
