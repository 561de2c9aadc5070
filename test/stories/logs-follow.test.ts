// A tail is bounded at each of its ends: what is more than it may hold is counted and told.
import { afterEach, expect, test } from "bun:test";
import { FakeClock } from "../../src/base/clock.ts";
import { seededRng } from "../../src/base/rng.ts";
import { LocalBus } from "../../src/bus/mod.ts";
import { LogTails } from "../../src/control/log-tails.ts";
import { LogTail } from "../../src/edge/logs/tail.ts";
import type { AccessEntry } from "../../src/edge/mod.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function world() {
  const bus = new LocalBus();
  const clock = new FakeClock();
  const tails = new LogTails({ bus, clock, rng: seededRng(1) });
  const edges = ["a", "b"].map((node) => new LogTail({ node, bus, clock }));
  ends.push(() => tails.stop(), ...edges.map((edge) => () => edge.stop()));
  const serve = (edge: LogTail, path: string, customer = "shop") => {
    const entry: AccessEntry = {
      ...{ atMs: 0, node: "n", customer, site: "s", client: "192.0.2.1", method: "GET" },
      ...{ host: "s", path, protocol: "http", status: 200, bytes: 1, ms: 1 },
      ...{ cacheStatus: null, agent: null, referer: null },
    };
    edge.take("s", entry);
  };
  /** Lets both tell; the bus hands it over after this turn. */
  const tell = async () => {
    for (const edge of edges) edge.tell();
    await Promise.resolve();
    await Promise.resolve();
  };
  const read = (after?: string, site = "s", waitMs = 0, customer = "shop") =>
    tails.read({ customer, site }, { after, waitMs });
  return { edges: edges as [LogTail, LogTail], clock, serve, tell, read };
}

const paths = (lines: readonly { readonly line: string }[]) =>
  lines.map(({ line }) => (JSON.parse(line) as { path: string }).path);

test("two who follow get all lines from where each began, of all caches, and nobody else's", async () => {
  const { edges, serve, tell, read } = world();
  const [a, b] = edges;
  serve(a, "/before");
  const first = await read();
  await tell();
  serve(a, "/1");
  serve(b, "/2");
  serve(a, "/theirs", "news");
  await tell();
  const second = await read();
  serve(b, "/3");
  await tell();
  const all = await read(first.next);
  expect([paths(all.lines), all.dropped]).toEqual([["/1", "/2", "/3"], 0]);
  expect(all.lines.map(({ node }) => node)).toEqual(["a", "b", "b"]);
  expect(paths((await read(second.next)).lines)).toEqual(["/3"]);
  expect((await read(all.next)).lines).toEqual([]);
});

test("who asks before there is a line gets it as it comes", async () => {
  const { edges, serve, tell, read } = world();
  const { next } = await read();
  await tell();
  const waiting = read(next, "s", 10_000);
  serve(edges[0], "/late");
  await tell();
  expect(paths((await waiting).lines)).toEqual(["/late"]);
});

test("what is more than a cache tells at once, or than is held, is counted for each who misses it", async () => {
  const { edges, serve, tell, read } = world();
  const { next } = await read();
  await tell();
  for (let i = 0; i < 250; i++) serve(edges[0], `/${i}`);
  await tell();
  const flood = await read(next);
  expect([flood.lines.length, flood.dropped]).toEqual([200, 50]);
  for (let round = 0; round < 15; round++) {
    for (let i = 0; i < 200; i++) serve(edges[1], `/${round}/${i}`);
    await tell();
  }
  const late = await read(flood.next);
  expect([late.lines.length, late.dropped]).toEqual([1_000, 1_000]);
  const rest = await read(late.next);
  expect([rest.lines.length, rest.dropped]).toEqual([1_000, 0]);
  expect(paths(rest.lines).at(-1)).toBe("/14/199");
});

test("a cache tells nothing once nobody has asked for a while, and sites in a flood have a bound", async () => {
  const { edges, serve, tell, read, clock } = world();
  await read();
  await tell();
  expect(edges[0].any).toBe(true);
  clock.advance(20_000);
  await tell();
  expect(edges[0].any).toBe(false);
  serve(edges[0], "/unseen");
  const follow = async (customer: string, site: string) => await read(undefined, site, 0, customer);
  for (let i = 0; i < 32; i++) await follow("much", `site-${i}`);
  await expect(follow("much", "one-more")).rejects.toThrow("log tails");
  // There is always room for who follows none yet, until so many do.
  for (let i = 0; i < 32; i++) await follow(`customer-${i}`, `their-${i}`);
  await expect(follow("shop", "s")).rejects.toThrow("log tails");
  clock.advance(20_000);
  expect((await read()).lines).toEqual([]);
});
