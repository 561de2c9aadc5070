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

  test("takes what browsers measured before probes, after clients, and moves each by the next", () => {
    const rtt = new ClientRtt();
    probed(rtt, { fra: 10, nyc: 90, ams: 12 });
    const told = (ms: number, samples = 4) => ({ rttMs: ms, samples, networks: 2 });
    const from = { node: "edge-fra", pops: new Set(["fra", "nyc"]), groups: GROUPS };
    rtt.takeBeacon(from, { berlin: { fra: told(20), nyc: told(110), xxx: told(1) } }, 0);
    expect(rtt.table(GROUPS, 2000)).toEqual({
      rttMs: { berlin: { fra: 20, nyc: 110, ams: 22 } },
      rttFrom: {
        berlin: {
          fra: { from: "beacon", samples: 4, ageSec: 2 },
          nyc: { from: "beacon", samples: 4, ageSec: 2 },
          ams: { from: "probes", addedMs: 10 },
        },
      },
    });
    clients(rtt, "fra", 15);
    expect(rtt.table(GROUPS, 2000)).toMatchObject({
      rttMs: { berlin: { fra: 15, nyc: 105, ams: 17 } },
      rttFrom: {
        berlin: {
          fra: { from: "clients" },
          nyc: { from: "beacon" },
          ams: { from: "probes", addedMs: 5 },
        },
      },
    });
    rtt.takeBeacon(from, { berlin: { fra: told(1, 2) }, strangers: { fra: told(1) } }, 3000);
    expect(rtt.table(GROUPS, 3000).rttMs).toEqual({ berlin: { fra: 15, nyc: 105, ams: 17 } });
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
