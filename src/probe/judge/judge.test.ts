import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Court, origins, type Seen, snapshotOf } from "./judge.fixture.ts";

const A = "www0.shop.example/o0";
const B = "www0.shop.example/o1";
const C = "www0.shop.example/o2";
const exporter = "http://198.51.0.9:9100/metrics";
const scraped = (count: number) => origins(count).map((one) => ({ ...one, exporter }));
const three = () => new Court(snapshotOf([{ origins: scraped(3) }]));
const cpu = (target: string, load: number): Seen => ({
  target,
  check: "exporter",
  loads: [{ kind: "cpu", load, detail: "" }],
});

describe("Judge on states", () => {
  test("knows nothing before it is told", () => {
    const seen = three().see(A);
    expect([seen.state, seen.load, seen.loadKnown, seen.young]).toEqual([
      "unknown",
      0.5,
      false,
      false,
    ]);
    expect([seen.v4Up, seen.v6Up]).toEqual([true, false]);
  });

  test("takes the first success, then fall and rise failures and successes", () => {
    const court = three();
    const state = (ok: boolean) => court.second([{ target: A, ok }]).targets[A]?.state;
    expect(state(true)).toBe("up");
    expect([state(false), state(false)]).toEqual(["up", "down"]);
    expect([state(true), state(true), state(true)]).toEqual(["down", "down", "up"]);
  });

  test("one vantage that lies is outvoted, whatever it says", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 20 }), fc.boolean(), (lies, truth) => {
        const court = three();
        court.seconds(3, [{ target: A, ok: truth }]);
        for (const ok of lies) {
          court.second([{ target: A, ok: truth }], ["p1", "p2"]);
          court.report("p3", [{ target: A, ok }]);
          expect(court.see(A).state).toBe(truth ? "up" : "down");
        }
      }),
      { numRuns: 50 },
    );
  });

  test("a vantage that is no probe of the snapshot is not listened to", () => {
    const court = three();
    court.seconds(3, [{ target: A, ok: false }], ["stranger", "p9"]);
    expect(court.see(A)).toMatchObject({ state: "unknown", views: [] });
  });

  test("a dead family counts as absent, the other keeps the server up", () => {
    const court = new Court(
      snapshotOf([{ origins: [{ name: "o0", v4: "198.51.0.1", v6: "2001:db8::1" }] }]),
    );
    court.seconds(3, [{ target: A }, { target: A, family: 6 }]);
    expect(court.see(A)).toMatchObject({ state: "up", v4Up: true, v6Up: true });
    court.seconds(2, [{ target: A }, { target: A, family: 6, ok: false }]);
    expect(court.see(A)).toMatchObject({ state: "up", v4Up: true, v6Up: false });
    court.seconds(2, [
      { target: A, ok: false },
      { target: A, family: 6, ok: false },
    ]);
    expect(court.see(A)).toMatchObject({ state: "down", v4Up: false, v6Up: false });
  });

  test("all of a site's checks must pass; a cache needs only HTTP", () => {
    const ftp = { ftpPort: 21 };
    const court = new Court(
      snapshotOf([{ origins: [{ name: "o0", v4: "198.51.0.1", ...ftp }], check: { ftp: {} } }], {
        nodes: [
          {
            name: "e1",
            pop: "fra",
            roles: ["edge"],
            addresses: { v4: "192.0.2.9" },
            measure: { ftp: "192.0.2.9:21" },
          },
        ],
      }),
    );
    const E = "node/e1";
    const bad = { check: "ftp", ok: false, failure: "login refused" } as const;
    court.seconds(2, [{ target: A }, { target: A, ...bad }, { target: E }, { target: E, ...bad }]);
    expect(court.see(A)).toMatchObject({ state: "down" });
    expect(court.see(A).views[0]?.failure).toBe("login refused");
    expect(court.see(E)).toMatchObject({ state: "up" });
  });

  test.each([
    ["up", false, "up"],
    ["down", true, "down"],
    ["drain", true, "draining"],
    ["drain", false, "down"],
  ] as const)("forced %s with checks ok = %p is %s", (state, ok, expected) => {
    const court = new Court(snapshotOf([{ origins: [{ ...origins(1)[0], state }] }]));
    court.seconds(3, [{ target: A, ok }]);
    expect(court.see(A).state).toBe(expected);
  });

  test("a forced state that is lifted gives way to what was measured all along", () => {
    const court = new Court(snapshotOf([{ origins: [{ ...origins(1)[0], state: "down" }] }]));
    court.seconds(3, [{ target: A }]);
    expect(court.see(A).state).toBe("down");
    court.setSnapshot(snapshotOf([{ origins: origins(1) }], { number: 2 }));
    expect(court.see(A).state).toBe("up");
  });

  test.each([
    ["up", false, "up", "down"],
    ["down", true, "down", "up"],
    ["drain", true, "draining", "up"],
  ] as const)("forced %s with an end holds until then", (state, ok, before, after) => {
    const until = new Date(1_800_000_004_000).toISOString();
    const court = new Court(snapshotOf([{ origins: [{ ...origins(1)[0], state, until }] }]));
    court.seconds(3, [{ target: A, ok }]);
    expect(court.see(A).state).toBe(before);
    expect(court.see(A).forcedEnded).toBeUndefined();
    court.second([{ target: A, ok }]);
    expect(court.see(A)).toMatchObject({ state: after, forcedEnded: true });
    expect(court.see(A).v4Up).toBe(ok);
  });

  test("another address at the same name starts afresh", () => {
    const court = three();
    court.seconds(2, [{ target: A, ok: false }]);
    expect(court.see(A).state).toBe("down");
    court.setSnapshot(snapshotOf([{ origins: [{ name: "o0", v4: "198.51.9.9" }] }], { number: 2 }));
    expect(court.see(A)).toMatchObject({ state: "unknown", views: [] });
    court.snapshot = 1;
    court.seconds(2, [{ target: A, ok: false }]);
    expect(court.see(A)).toMatchObject({ state: "unknown", views: [] });
    court.snapshot = 2;
    court.second([{ target: A }]);
    expect(court.see(A).state).toBe("up");
  });

  test("states outlive all reports, loads do not", () => {
    const court = three();
    court.seconds(3, [{ target: A, ok: false }, { target: B }, cpu(B, 0.7)]);
    court.nowMs += 3_600_000;
    expect(court.see(A)).toMatchObject({ state: "down", views: [] });
    expect(court.see(B)).toMatchObject({ state: "up", loadKnown: false, load: 0.5, sources: [] });
  });

  test("is young while a change is counted and for a minute after it", () => {
    const court = three();
    court.seconds(70, [{ target: A }]);
    expect(court.see(A).young).toBe(false);
    court.second([{ target: A, ok: false }], ["p2"]);
    expect(court.see(A).young).toBe(true);
    court.seconds(2, [{ target: A }]);
    expect(court.see(A).young).toBe(false);
    court.seconds(2, [{ target: A, ok: false }]);
    expect(court.see(A)).toMatchObject({ state: "down", young: true });
    court.seconds(61, [{ target: A, ok: false }]);
    expect(court.see(A).young).toBe(false);
  });

  test("a judge that knows nothing yet goes on with what the last one said", () => {
    const last = three();
    last.seconds(2, [{ target: A, ok: false }, { target: B }]);
    const { targets } = last.judge.judge(last.now);
    const court = three();
    court.judge.adopt({
      number: 9,
      judge: "p2",
      atMs: 0,
      snapshot: 1,
      targets,
      rttMs: {},
      held: null,
    });
    expect([court.see(A).state, court.see(B).state, court.see(C).state]).toEqual([
      "down",
      "up",
      "unknown",
    ]);
    court.second([{ target: A }]);
    expect(court.see(A).state).toBe("up");
  });

  test("what was said of another server of that name is not gone on with, from whomever it is", () => {
    const court = three();
    court.seconds(2, [{ target: A, ok: false }, { target: B }]);
    const { targets } = court.judge.judge(court.now);
    const said = { number: 9, judge: "p2", atMs: 0, targets, rttMs: {}, held: null };
    const moved = [{ name: "o0", v4: "198.51.9.9" }, ...scraped(3).slice(1)];
    court.setSnapshot(snapshotOf([{ origins: moved }], { number: 2 }));
    court.judge.adopt({ ...said, snapshot: 1 });
    expect([court.see(A).state, court.see(B).state]).toEqual(["unknown", "up"]);
    court.judge.adopt({ ...said, snapshot: 2 });
    expect([court.see(A).state, court.see(B).state]).toEqual(["down", "up"]);
  });
});

describe("Judge on loads", () => {
  test("the highest fresh source wins and every source is listed", () => {
    const court = three();
    court.seconds(2, [
      { target: A },
      {
        target: A,
        check: "exporter",
        loads: [
          { kind: "cpu", load: 0.3, detail: "busy 30 % of 2 CPUs" },
          { kind: "memory", load: 0.6, detail: "used 92 %" },
        ],
      },
    ]);
    expect(court.see(A)).toMatchObject({ load: 0.6, loadKnown: true, loadFrom: "memory" });
    expect(court.see(A).sources.map((source) => source.kind)).toEqual(["memory", "cpu", "http"]);
  });

  test("a source older than three intervals no longer counts", () => {
    const court = three();
    court.seconds(2, [{ target: A }, cpu(A, 0.8)]);
    court.seconds(3, [{ target: A }]);
    expect(court.see(A).loadFrom).toBe("cpu");
    court.seconds(1, [{ target: A }]);
    expect(court.see(A).loadFrom).toBe("http");
  });

  test("a server without a fresh source has its pool's median and says so", () => {
    const court = new Court(snapshotOf([{ origins: scraped(4) }]));
    court.seconds(2, [cpu(A, 0.2), cpu(B, 0.4), cpu(C, 0.9)]);
    const seen = court.see("www0.shop.example/o3");
    expect(seen).toMatchObject({ load: 0.4, loadKnown: false, loadFrom: null, sources: [] });
  });

  test("ignorance never makes a load of 0", () => {
    const load = fc.option(fc.double({ min: 0.05, max: 3, noNaN: true }), { nil: null });
    fc.assert(
      fc.property(fc.array(load, { minLength: 4, maxLength: 4 }), (loads) => {
        const court = new Court(snapshotOf([{ origins: scraped(4) }]));
        const known = loads.flatMap((value, i) =>
          value === null ? [] : [cpu(`www0.shop.example/o${i}`, value)],
        );
        const { targets } = court.seconds(2, known);
        for (const target of Object.values(targets)) expect(target.load).toBeGreaterThan(0);
      }),
      { numRuns: 100 },
    );
  });

  test("a vantage that reports wild loads moves nothing", () => {
    const court = three();
    for (let i = 0; i < 5; i++) {
      court.second([cpu(A, 0.2)], ["p1", "p2"]);
      const lie = { kind: "reported", load: 9, detail: "" } as const;
      court.report("p3", [cpu(A, Number.NaN), cpu(A, i % 2 === 0 ? 1e9 : 0)]);
      court.report("p3", [{ target: A, check: "exporter", loads: [lie] }]);
      court.report("p3", [{ target: A, check: "ftp", totalMs: 1e6 }]);
    }
    expect(court.see(A).sources.map((source) => source.kind)).toEqual(["cpu"]);
    expect(court.see(A).load).toBeCloseTo(0.2, 3);
  });

  test("distance is not load: the median over vantages, each against its own idle time", () => {
    const court = three();
    const at = (p1: number, p2: number, p3: number) => {
      court.nowMs += 1000;
      court.report("p1", [{ target: A, totalMs: p1 }]);
      court.report("p2", [{ target: A, totalMs: p2 }]);
      court.report("p3", [{ target: A, totalMs: p3 }]);
    };
    for (let i = 0; i < 10; i++) at(5, 120, 300);
    expect(court.see(A)).toMatchObject({ load: 0, loadFrom: "http" });
    for (let i = 0; i < 5; i++) at(205, 320, 480);
    expect(court.see(A).load).toBeGreaterThan(0.35);
    expect(court.see(A).load).toBeLessThan(0.6);
  });

  test("the time to connect counts only where nothing better is asked", () => {
    const tcp: Seen = { target: A, check: "tcp", totalMs: 5 };
    const slow: Seen = { target: A, check: "tcp", totalMs: 400 };
    const only = new Court(snapshotOf([{ origins: origins(1), check: { http: null, tcp: true } }]));
    only.seconds(5, [tcp]);
    only.seconds(5, [slow]);
    expect(only.see(A)).toMatchObject({ loadFrom: "tcp", state: "up" });
    const both = new Court(snapshotOf([{ origins: origins(1), check: { tcp: true } }]));
    both.seconds(5, [tcp, { target: A }]);
    both.seconds(5, [slow, { target: A }]);
    expect(both.see(A)).toMatchObject({ loadFrom: "http", load: 0 });
  });
});

describe("Judge on mass failures", () => {
  const many = () =>
    new Court(snapshotOf([{ origins: origins(15, 0) }, { origins: origins(15, 1) }]));
  const all = (ok: boolean, from = 0): Seen[] =>
    [0, 1].flatMap((site) =>
      Array.from({ length: 15 }, (_, i) => ({
        target: `www${site}.shop.example/o${i}`,
        ok: i < from ? true : ok,
      })),
    );
  const downs = (court: Court) =>
    Object.values(court.judge.judge(court.now).targets).filter((t) => t.state === "down").length;

  test("most of the network failing at once is held, until it is believed or over", () => {
    const court = many();
    court.seconds(3, all(true));
    const held = court.seconds(10, all(false));
    expect(held.held).toContain("30 of 30 targets failed at once");
    expect(downs(court)).toBe(0);
    // All but six servers of each site are back: the rest is judged for itself.
    const over = court.seconds(3, all(false, 9));
    expect(over.held).toBeNull();
    expect(downs(court)).toBe(12);
  });

  test("servers that never were up are no mass failure, and what comes up meanwhile is seen", () => {
    const court = many();
    expect(court.seconds(3, all(false, 2)).held).toBeNull();
    expect(downs(court)).toBe(26);
    court.seconds(3, all(true));
    expect(downs(court)).toBe(0);
    court.seconds(
      2,
      all(true).map((seen) => (seen.target === A ? { ...seen, ok: false } : seen)),
    );
    expect(downs(court)).toBe(1);
    const dying = all(false).map((seen) => (seen.target === A ? { ...seen, ok: true } : seen));
    expect(court.seconds(4, dying).held).toContain("29 of 30");
    expect(downs(court)).toBe(0);
  });

  test("one vantage that sees most fail is held alone; the others go on judging", () => {
    const court = many();
    court.seconds(3, all(true));
    let judgement = court.second(all(true), ["p2", "p3"]);
    for (let i = 0; i < 3; i++) {
      judgement = court.second(
        all(true).map((seen) => (seen.target === A ? { ...seen, ok: false } : seen)),
        ["p2", "p3"],
      );
      court.report("p1", all(false));
    }
    judgement = court.judge.judge(court.now);
    expect(judgement.held).toBe("29 of 30 targets failed at once at p1: its view is held");
    expect(downs(court)).toBe(1);
    expect(judgement.targets[A]?.state).toBe("down");
  });

  test("a whole pool that dies is believed", () => {
    const court = new Court(snapshotOf([{ origins: origins(30) }]));
    const pool = (ok: boolean) =>
      Array.from({ length: 30 }, (_, i) => ({ target: `www0.shop.example/o${i}`, ok }));
    court.seconds(3, pool(true));
    expect(court.seconds(2, pool(false)).held).toBeNull();
    expect(downs(court)).toBe(30);
  });

  test("a small network that dies is believed", () => {
    const court = three();
    court.seconds(3, [{ target: A }, { target: B }, { target: C }]);
    const dead = [A, B, C].map((target) => ({ target, ok: false }));
    expect(court.seconds(2, dead).held).toBeNull();
    expect(downs(court)).toBe(3);
  });

  test("servers that died one after the other are not taken for a mass", () => {
    const court = many();
    court.seconds(3, all(true));
    for (let dead = 1; dead <= 12; dead++) court.seconds(2, all(false, 15 - dead));
    expect(court.judge.judge(court.now).held).toBeNull();
    expect(downs(court)).toBe(24);
  });
});

describe("Judge on latency", () => {
  test("takes the least of a pop's vantages, of known groups and lately heard vantages", () => {
    const court = three();
    court.report("p1", [], { berlin: 31.26, nowhere: 1 });
    court.report("p2", [], { berlin: 12.34 });
    court.report("p3", [], { berlin: Number.NaN });
    expect(court.judge.judge(court.now).rttMs).toEqual({ berlin: { fra: 12.3 } });
    court.nowMs += 11_000;
    expect(court.judge.judge(court.now).rttMs).toEqual({});
  });
});
