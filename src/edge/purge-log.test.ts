import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { LocalBus } from "../bus/mod.ts";
import type { Purge, PurgePlace } from "../model/purge.ts";
import { PurgeLog } from "./purge-log.ts";

let dir: string;
let bus: LocalBus;
let written: Purge[];
let applied: string[];
let acks: (number | string)[];
let answers: boolean;
let fails: boolean;
let tellsMost: number;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "turnpike-purge-"));
  bus = new LocalBus();
  [written, applied, acks, answers, fails] = [[], [], [], true, false];
  tellsMost = 100;
  bus.subscribe("purge.ack", (ack) => acks.push(ack.number));
  bus.respond("purge.since", ({ after }) => {
    if (!answers) throw new Error("away");
    const purges = written.filter((purge) => purge.number > after).slice(0, tellsMost);
    return { latest: written.at(-1)?.number ?? 0, purges };
  });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function start(): PurgeLog {
  const log = new PurgeLog({
    ...{ node: "edge-1", path: join(dir, "purged.json"), bus },
    ...{ clock: new FakeClock(), log: silentLog },
    purge: async ({ customer, site, path }) => {
      if (fails) throw new Error("disk");
      applied.push(`${customer} ${site} ${path}`);
    },
    isKeyKnown: () => true,
    ban: async (purges) => {
      if (fails) throw new Error("disk");
      applied.push(...purges.map((one) => `${one.scope} ${one.path}`));
    },
  });
  log.start();
  return log;
}

function write(path: string, more: Pick<Purge, "scope" | "soft"> = {}): Purge {
  const number = written.length + 1;
  const purge = { ...more, number, atMs: 0, customer: "acme", site: "www.shop.example", path };
  written.push(purge);
  return purge;
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 4_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error("It did not come to hold");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe("PurgeLog", () => {
  test("asks on until it has all that it missed, and is behind until then", async () => {
    for (let i = 0; i < 7; i++) write(`/${i}.png`);
    tellsMost = 2;
    const behind: boolean[] = [];
    const heard = bus.subscribe("purge.ack", () => behind.push(log.behind));
    const log = start();
    await until(() => !log.behind);
    expect([log.applied, applied.length]).toEqual([7, 7]);
    await until(() => acks.length === 7);
    heard();
    expect(behind.slice(0, 6)).toEqual([true, true, true, true, true, true]);
    await log.stop();
  });

  test("takes purges of more than one URL in their place, and acknowledges them when they hold", async () => {
    const log = start();
    await until(() => !log.behind);
    bus.publish("purge", write("/a.png"));
    bus.publish("purge", write("logo", { scope: "tag" }));
    bus.publish("purge", write("/b.png", { soft: true }));
    await until(() => new Set(acks).size === 3);
    expect(applied).toEqual([...["acme www.shop.example /a.png", "tag logo", "undefined /b.png"]]);
    await log.stop();
  });

  test("takes a log whose beginning is folded into purges of whole sites", async () => {
    const of = { atMs: 0, customer: "acme", site: "www.shop.example" };
    written = [
      { ...of, number: 40, path: "/", scope: "site" },
      { ...of, number: 45, site: "other.example", path: "/", scope: "site", soft: true },
      { ...of, number: 50, path: "/a" },
    ];
    const log = start();
    await until(() => !log.behind);
    expect([log.applied, applied]).toEqual([50, ["site /", "site /", "acme www.shop.example /a"]]);
    const next = { ...of, number: 51, path: "/b" };
    written.push(next);
    bus.publish("purge", next);
    await until(() => acks.includes(51));
    expect(log.applied).toBe(51);
    await log.stop();
  });

  test("is behind until the log has answered, then applies what it missed, in order", async () => {
    write("/a");
    write("/b");
    const log = start();
    expect(log.behind).toBe(true);
    await until(() => !log.behind);
    expect(applied).toEqual(["acme www.shop.example /a", "acme www.shop.example /b"]);
    await until(() => acks.length === 2);
    expect(JSON.parse(readFileSync(join(dir, "purged.json"), "utf8"))).toEqual({ applied: 2 });
    await log.stop();
  });

  test("does not apply again after a restart what it had applied", async () => {
    write("/a");
    const first = start();
    await until(() => acks.length === 1);
    await first.stop();
    applied = [];
    const second = start();
    await until(() => !second.behind);
    expect([applied, second.applied]).toEqual([[], 1]);
    await second.stop();
  });

  test("applies a purge that comes next, and fills a gap before it is up to date again", async () => {
    const log = start();
    await until(() => !log.behind);
    bus.publish("purge", write("/1"));
    await until(() => acks.includes(1));
    write("/lost");
    bus.publish("purge", write("/3"));
    await until(() => acks.includes(3));
    expect(applied.map((key) => key.split(" ")[2])).toEqual(["/1", "/lost", "/3"]);
    expect(acks).toEqual([1, 2, 3]);
    await until(() => !log.behind);
    await log.stop();
  });

  test("stays behind when there is a gap and the log does not answer", async () => {
    const log = start();
    await until(() => !log.behind);
    answers = false;
    write("/lost");
    bus.publish("purge", write("/2"));
    await until(() => log.behind);
    answers = true;
    await until(() => !log.behind);
    expect(log.applied).toBe(2);
    await log.stop();
  });

  test("acknowledges again what is sent again", async () => {
    const log = start();
    await until(() => !log.behind);
    const purge = write("/a");
    bus.publish("purge", purge);
    bus.publish("purge", purge);
    await until(() => acks.length === 2);
    expect([applied.length, acks]).toEqual([1, [1, 1]]);
    await log.stop();
  });

  test("neither acknowledges nor writes down what the disk did not do", async () => {
    const log = start();
    await until(() => !log.behind);
    fails = true;
    bus.publish("purge", write("/a"));
    await until(() => log.behind);
    expect([acks, existsSync(join(dir, "purged.json"))]).toEqual([[], false]);
    fails = false;
    await until(() => acks.length === 1);
    await until(() => !log.behind);
    await log.stop();
  });

  test("takes a file that cannot be read for nothing applied", async () => {
    for (const text of ["", "{", '{"applied":"7"}', "null", '{"applied":1e99}']) {
      writeFileSync(join(dir, "purged.json"), text);
      write("/x");
      applied = [];
      const log = start();
      await until(() => !log.behind);
      expect(applied.length).toBe(written.length);
      await log.stop();
    }
  });
});

/** A log of two runs of control, as it told a cache; and what that asks. */
describe("PurgeLog and terms", () => {
  let asked: PurgePlace[];
  let told: { readonly purges: readonly Purge[]; readonly term?: string };

  beforeEach(() => {
    bus = new LocalBus();
    [asked, told] = [[], { purges: [] }];
    bus.subscribe("purge.ack", ({ number, term }) => acks.push(`${number} ${term}`));
    bus.respond("purge.since", (place) => {
      asked.push(place);
      if (!answers) throw new Error("away");
      const purges = told.purges.filter(({ number }) => number > place.after);
      const { term } = told;
      return { latest: told.purges.at(-1)?.number ?? 0, purges, ...(term && { term }) };
    });
  });

  function of(number: number, term: string, follows?: string): Purge {
    const path = `/${number}${term}`;
    const what = { number, atMs: 0, customer: "acme", site: "www.shop.example", path, term };
    return follows === undefined ? what : { ...what, follows };
  }

  function keep(kept: object): void {
    writeFileSync(join(dir, "purged.json"), JSON.stringify(kept));
  }

  function kept(): unknown {
    return JSON.parse(readFileSync(join(dir, "purged.json"), "utf8"));
  }

  const A3 = { applied: 3, terms: [{ term: "a", from: 1, to: 3 }] };

  async function startAt(place: object): Promise<PurgeLog> {
    keep(place);
    const log = start();
    await until(() => !log.behind);
    asked = [];
    return log;
  }

  test("takes the next number at once where it follows what is applied here, whoever gave it", async () => {
    const log = await startAt(A3);
    bus.publish("purge", of(4, "b", "a"));
    expect(log.behind).toBe(false);
    await until(() => acks.includes("4 b"));
    expect([log.behind, applied, asked]).toEqual([false, ["acme www.shop.example /4b"], []]);
    const terms = [...A3.terms, { term: "b", from: 4, to: 4 }];
    expect(kept()).toEqual({ applied: 4, terms });
    await log.stop();
    const again = start();
    await until(() => !again.behind);
    expect(asked).toEqual([{ after: 4, terms }]);
    await again.stop();
  });

  test("takes no number of another term for one it knows, nor for the next one: it asks first", async () => {
    for (const [purge, leap] of [
      [of(2, "b", "a"), 100],
      [of(4, "b", "b"), 200],
    ] as const) {
      told = { purges: [] };
      const log = await startAt(A3);
      [acks, applied] = [[], []];
      told = { purges: [of(leap, "c"), of(leap + 1, "c")] };
      answers = false;
      bus.publish("purge", purge);
      await until(() => asked.length > 0);
      expect([log.behind, acks, applied]).toEqual([true, [], []]);
      expect(asked[0]).toEqual({ after: 3, terms: A3.terms });
      answers = true;
      bus.publish("purge", purge);
      await until(() => !log.behind);
      const done = [`${leap} c`, `${leap + 1} c`];
      await until(() => acks.length >= done.length);
      // What had a number as low as that is in force with what was told.
      await until(() => purge.number > 3 || acks.includes("2 b"));
      expect(acks.slice(0, 2)).toEqual(done);
      expect(applied.map((key) => key.split(" ")[2])).toEqual([`/${leap}c`, `/${leap + 1}c`]);
      await log.stop();
    }
  });

  test("acknowledges a purge of an earlier term that is sent again once the log has answered", async () => {
    const log = await startAt({ applied: 4, terms: [...A3.terms, { term: "b", from: 4, to: 4 }] });
    told = { purges: [of(3, "a"), of(4, "b")] };
    bus.publish("purge", of(3, "a", "a"));
    await until(() => acks.includes("3 a"));
    expect([applied, log.behind, asked.length]).toEqual([[], false, 1]);
    await log.stop();
  });

  test("learns the term of a number that it kept without one", async () => {
    told = { purges: [of(3, "a")], term: "a" };
    const log = await startAt({ applied: 3 });
    expect(kept()).toEqual({ applied: 3, terms: [{ term: "a", from: 3, to: 3 }] });
    expect([log.hasApplied(3, "a"), log.hasApplied(3, "b"), log.hasApplied(3, undefined)]).toEqual([
      ...[true, false, true],
    ]);
    expect([log.hasApplied(4, "a"), applied]).toEqual([false, []]);
    await log.stop();
  });

  test("keeps the number alone of what a control without terms told", async () => {
    const log = await startAt(A3);
    const { term: _, ...old } = of(4, "");
    bus.publish("purge", old);
    await until(() => acks.includes("4 undefined"));
    expect(kept()).toEqual({ applied: 4 });
    await log.stop();
  });

  test("keeps the last 32 terms", async () => {
    const log = await startAt(A3);
    const purges = Array.from({ length: 40 }, (_, i) => of(i + 4, `t${i}`));
    told = { purges };
    bus.publish("purge", purges.at(-1)!);
    await until(() => !log.behind && log.applied === 43);
    const { terms } = kept() as { terms: { term: string }[] };
    expect(terms.map(({ term }) => term)).toEqual(purges.slice(-32).map(({ term }) => term!));
    await log.stop();
  });

  test("takes a file for nothing applied whose terms do not lead to its number", async () => {
    const [term] = A3.terms;
    for (const terms of [{}, [], [null], [{ ...term, to: 2 }], [{ ...term, term: 7 }]]) {
      keep({ applied: 3, terms });
      asked = [];
      const log = start();
      await until(() => !log.behind);
      expect(asked[0]).toEqual({ after: 0 });
      await log.stop();
    }
  });
});
