import { describe, expect, test } from "bun:test";
import { ClientRtt } from "./client-rtt.ts";

const GROUPS = new Set(["berlin"]);

function probed(rtt: ClientRtt, times: Readonly<Record<string, number>>): void {
  for (const [pop, ms] of Object.entries(times)) {
    const head = { vantage: `probe-${pop}`, pop, atMs: 0, snapshot: 1, checks: [] };
    rtt.take({ ...head, rttMs: { berlin: ms } }, 0);
  }
}

function clients(rtt: ClientRtt, pop: string, rttMs: number, samples = 10, nowMs = 0): void {
  const from = { node: `edge-${pop}`, pop, groups: GROUPS };
  rtt.takeClients(from, { berlin: { rttMs, samples, networks: 2 } }, nowMs);
}

describe("ClientRtt", () => {
  test("takes what probes measured where clients tell nothing", () => {
    const rtt = new ClientRtt();
    probed(rtt, { fra: 10, nyc: 90 });
    clients(rtt, "fra", 30, 2);
    expect(rtt.table(GROUPS, 0)).toEqual({ rttMs: { berlin: { fra: 10, nyc: 90 } }, rttFrom: {} });
  });

  test("takes clients' times first, and moves the other pops as far", () => {
    const rtt = new ClientRtt();
    probed(rtt, { fra: 10, nyc: 90, ams: 12 });
    clients(rtt, "fra", 30);
    expect(rtt.table(GROUPS, 4000)).toEqual({
      rttMs: { berlin: { fra: 30, nyc: 110, ams: 32 } },
      rttFrom: {
        berlin: {
          fra: { from: "clients", samples: 10, ageSec: 4 },
          nyc: { from: "probes", addedMs: 20 },
          ams: { from: "probes", addedMs: 20 },
        },
      },
    });
  });

  test("a group is not drawn to a pop only because clients' last mile is not in its time", () => {
    const rtt = new ClientRtt();
    probed(rtt, { fra: 10, ams: 12 });
    clients(rtt, "fra", 60);
    const row = rtt.table(GROUPS, 0).rttMs.berlin ?? {};
    expect(row.fra).toBeLessThan(row.ams ?? 0);
  });

  test("forgets clients after an hour, and what the snapshot no longer has", () => {
    const rtt = new ClientRtt();
    clients(rtt, "fra", 30);
    expect(rtt.table(GROUPS, 3_000_000).rttMs.berlin).toEqual({ fra: 30 });
    expect(rtt.table(GROUPS, 3_700_000).rttMs.berlin).toBeUndefined();
    clients(rtt, "fra", 30);
    rtt.forgetClients(GROUPS, new Set(["another"]));
    expect(rtt.table(GROUPS, 0).rttMs.berlin).toBeUndefined();
  });

  test("believes no times that are none", () => {
    const rtt = new ClientRtt();
    clients(rtt, "fra", Number.NaN);
    clients(rtt, "fra", -1);
    clients(rtt, "fra", 5, Number.NaN);
    expect(rtt.table(GROUPS, 0).rttMs).toEqual({});
  });
});
