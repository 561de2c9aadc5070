import { expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { type Message, makeQuery, RCODE, TYPE } from "../wire/dns/mod.ts";
import { AliasBook } from "./alias.ts";
import { compileWorld, WORLD } from "./hot/world.fixture.ts";

/** Answers of a table: target -> addresses, or a failure. */
class TableResolver implements NameResolver {
  readonly table = new Map<string, readonly string[] | "fails" | "nxdomain">();
  ttlSec = 30;
  asked = 0;

  async lookup(name: string, type: number): Promise<Message> {
    this.asked += 1;
    const found = this.table.get(name) ?? "nxdomain";
    if (found === "fails") throw new Error("no answer");
    const empty = makeQuery(1, name, type);
    if (found === "nxdomain") return { ...empty, rcode: RCODE.NXDOMAIN };
    const own = found.filter((address) => address.includes(":") === (type === TYPE.AAAA));
    const answers = own.map((address) => {
      const data = { kind: "address" as const, address };
      return { name: "end.example", type, class: 1, ttlSec: this.ttlSec, data };
    });
    return { ...empty, answers };
  }

  lookupAt(): Promise<Message> {
    throw new Error("not asked");
  }
}

function world(records: readonly object[]): Snapshot {
  const [shop, ...others] = WORLD.customers;
  const [zone] = shop!.zones!;
  const zones = [{ ...zone!, records: [...zone!.records, ...records] }];
  return compileWorld({ ...WORLD, customers: [{ ...shop, zones }, ...others] });
}

function bookOf(snapshot: Snapshot) {
  const resolver = new TableResolver();
  const clock = new FakeClock();
  const state = { snapshot, changes: 0 };
  const book = new AliasBook({
    resolver,
    snapshot: () => state.snapshot,
    clock,
    log: silentLog,
    onChange: () => {
      state.changes += 1;
    },
  });
  const shown = () =>
    book.records(state.snapshot).map(({ name, type, ttlSec, values }) => {
      return `${name} ${ttlSec} ${type} ${values.join(" ")}`;
    });
  return { book, resolver, clock, state, shown };
}

const APEX = { name: "@", type: "ALIAS", value: "cdn.elsewhere.example" };

test("an ALIAS has its target's addresses of both families, with a bounded TTL", async () => {
  const { book, resolver, shown, state } = bookOf(world([APEX]));
  expect(shown()).toEqual([]);
  resolver.table.set("cdn.elsewhere.example", ["192.0.2.9", "2001:db8::9", "192.0.2.8"]);
  await book.turn();
  expect(shown()).toEqual([
    "hosted.example 60 A 192.0.2.8 192.0.2.9",
    "hosted.example 60 AAAA 2001:db8::9",
  ]);
  expect(state.changes).toBe(1);
});

test("targets are looked up again when their TTL ends, and only a change is told", async () => {
  const { book, resolver, clock, state, shown } = bookOf(world([{ ...APEX, ttlSec: 20 }]));
  resolver.table.set("cdn.elsewhere.example", ["192.0.2.9"]);
  await book.turn();
  await book.turn();
  expect([resolver.asked, state.changes]).toEqual([2, 1]);
  clock.advance(30_000);
  await book.turn();
  expect([resolver.asked, state.changes]).toEqual([4, 1]);
  resolver.table.set("cdn.elsewhere.example", ["192.0.2.10"]);
  // A TTL of nothing is taken for five seconds.
  resolver.ttlSec = 0;
  clock.advance(30_000);
  await book.turn();
  expect([state.changes, shown()]).toEqual([2, ["hosted.example 20 A 192.0.2.10"]]);
  await book.turn();
  expect(resolver.asked).toBe(6);
  clock.advance(5000);
  await book.turn();
  expect(resolver.asked).toBe(8);
});

test("the last good addresses stay while a target fails, is gone, or has none that may be used", async () => {
  const { book, resolver, clock, shown, state } = bookOf(world([APEX]));
  resolver.table.set("cdn.elsewhere.example", ["192.0.2.9"]);
  await book.turn();
  // Multicast is never a web server, whatever private ranges are allowed.
  for (const failure of ["fails", "nxdomain", ["224.0.0.1"], []] as const) {
    resolver.table.set("cdn.elsewhere.example", failure);
    clock.advance(300_000);
    await book.turn();
    expect([failure, shown()]).toEqual([failure, ["hosted.example 60 A 192.0.2.9"]]);
  }
  expect(state.changes).toBe(1);
  // Failures are tried again more and more seldom, a minute apart at most.
  const before = resolver.asked;
  clock.advance(4000);
  await book.turn();
  expect(resolver.asked).toBe(before);
  clock.advance(60_000);
  await book.turn();
  expect(resolver.asked).toBe(before + 2);
});

test("private addresses are vetted as those of servers are", async () => {
  const own = world([APEX]);
  const { book, resolver, shown, state } = bookOf({ ...own, allowPrivateOrigins: false });
  resolver.table.set("cdn.elsewhere.example", ["127.0.0.1", "10.0.0.1", "8.8.8.8", "::1"]);
  await book.turn();
  expect(shown()).toEqual(["hosted.example 60 A 8.8.8.8"]);
  expect(state.changes).toBe(1);
});

test("loops and long chains lead to nothing and cost nothing; what goes is forgotten", async () => {
  const loop = [
    { name: "x", type: "ALIAS", value: "y.hosted.example" },
    { name: "y", type: "ALIAS", value: "x.hosted.example" },
  ];
  const { book, resolver, state, shown } = bookOf(world(loop));
  await book.turn();
  expect([resolver.asked, shown()]).toEqual([4, []]);
  state.snapshot = world([]);
  await book.turn();
  expect([resolver.asked, shown()]).toEqual([4, []]);
});

test("at most sixteen addresses of a family are answered", async () => {
  const { book, resolver, shown } = bookOf(world([APEX]));
  const many = Array.from({ length: 40 }, (_, i) => `192.0.2.${i + 1}`);
  resolver.table.set("cdn.elsewhere.example", many);
  await book.turn();
  expect(shown()[0]!.split(" ")).toHaveLength(3 + 16);
});

test("start() asks at once and stop() ends it", async () => {
  const { book, resolver, shown } = bookOf(world([APEX]));
  resolver.table.set("cdn.elsewhere.example", ["192.0.2.9"]);
  await book.start();
  expect(shown()).toHaveLength(1);
  book.stop();
});

test("an ALIAS stands alone among addresses, once, at no steered name, and not at itself", () => {
  const refused = (records: readonly object[]) => {
    try {
      world(records);
      return "";
    } catch (error) {
      return String(error);
    }
  };
  expect(refused([APEX])).toBe("");
  expect(refused([{ ...APEX, name: "mail" }])).toContain("no ALIAS beside A");
  expect(refused([{ ...APEX, name: "alias" }])).toContain("CNAME");
  expect(refused([APEX, { ...APEX, value: "b.example" }])).toContain("one ALIAS at a name");
  expect(refused([{ ...APEX, name: "www" }])).toContain("a site decides");
  expect(refused([{ ...APEX, value: "hosted.example" }])).toContain("another name");
  expect(refused([{ ...APEX, value: "10.0.0.1 x" }])).not.toBe("");
});

/** A snapshot with these ALIAS records: customer -> how many, each with a target of its own. */
function many(counts: Readonly<Record<string, number>>): Snapshot {
  const zones = Object.entries(counts).map(([customer, count]) => {
    const records = Array.from({ length: count }, (_, i) => ({
      ...{ name: `a${i}.${customer}.example`, type: "ALIAS" as const, ttlSec: 60 },
      values: [`a${i}.${customer}.test`],
    }));
    return { name: `${customer}.example`, customer, records };
  });
  return { ...world([]), zones, sites: [] };
}

test("a customer with very many targets takes no place of another's", async () => {
  const { book, resolver, state, shown } = bookOf(many({ noisy: 1_500, shop: 2 }));
  for (const { records } of state.snapshot.zones) {
    for (const { values } of records) resolver.table.set(values[0]!, ["192.0.2.9"]);
  }
  await book.turn();
  expect(shown()).toHaveLength(1_000);
  expect(shown().filter((line) => line.includes("shop"))).toEqual([
    "a0.shop.example 60 A 192.0.2.9",
    "a1.shop.example 60 A 192.0.2.9",
  ]);
});

test("targets are asked for once, however many turns there are while resolvers are slow", async () => {
  const { book, resolver } = bookOf(many({ shop: 25 }));
  const asked: string[] = [];
  const slow = Promise.withResolvers<void>();
  const answer = resolver.lookup.bind(resolver);
  resolver.lookup = async (name, type) => {
    asked.push(`${name} ${type}`);
    await slow.promise;
    return answer(name, type);
  };
  const turns = [book.turn(), book.turn()];
  slow.resolve();
  await Promise.all(turns);
  expect(asked).toHaveLength(50);
  expect(new Set(asked).size).toBe(50);
});
