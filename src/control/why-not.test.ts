import { expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { LocalBus } from "../bus/mod.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import type { Feed } from "../model/feed.ts";
import { NO_HEALTH } from "../model/health.ts";
import type { NodeStats } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { WhyNotBook } from "./why-not.ts";

const HOST = "www.shop.example";
const MINUTE_MS = 60_000;

function stage() {
  const clock = new FakeClock(Date.UTC(2026, 10, 22, 12));
  const bus = new LocalBus();
  let swap: (snapshot: Snapshot) => void = () => {};
  const feed: Feed = {
    snapshot: () => null,
    health: () => NO_HEALTH,
    assignment: () => NO_ASSIGNMENT,
    onSnapshot: (listener) => {
      swap = listener;
      return () => {};
    },
    onHealth: () => () => {},
  };
  const book = new WhyNotBook({ bus, feed, clock });
  const tell = async (more: Pick<NodeStats, "edge" | "whyNot">) => {
    bus.publish("stats", {
      ...{ node: "a", atMs: 0, snapshot: 1, lookups: {}, edgeLookups: {}, answers: {} },
      ...{ fetches: {}, ...more },
    });
    // The bus hands it over after the turn of whoever told it.
    await Promise.resolve();
  };
  return { clock, book, tell, swap: (snapshot: Snapshot) => swap(snapshot) };
}

const seen = (requests: number, hits: number) => ({ [HOST]: { requests, hits, bytesOut: 0 } });

test("what caches tell is added up for an hour, and then forgotten", async () => {
  const { clock, book, tell } = stage();
  const sinceMs = clock.wallMs();
  expect(book.site(HOST)).toMatchObject({ sinceMs, requests: 0, hitRatio: null, reasons: [] });
  await tell({ edge: seen(4, 1), whyNot: { [HOST]: { private: 2, "not-held": 1 } } });
  clock.advance(30 * MINUTE_MS);
  await tell({ edge: seen(6, 1), whyNot: { [HOST]: { private: 5 } } });
  const both = book.site(HOST);
  expect(both).toMatchObject({ requests: 10, hitRatio: 0.2 });
  expect(both.reasons.map((row) => [row.reason, row.requests])).toEqual([
    ["private", 7],
    ["not-held", 1],
  ]);
  clock.advance(31 * MINUTE_MS);
  expect(book.site(HOST).sinceMs).toBe(sinceMs + 5 * MINUTE_MS);
  expect(book.site(HOST)).toMatchObject({ requests: 6, reasons: [{ requests: 5 }] });
  clock.advance(31 * MINUTE_MS);
  expect(book.site(HOST)).toMatchObject({ requests: 0, reasons: [] });
});

test("a site that is no longer in the network is forgotten; a cache that tells no reasons is heard", async () => {
  const { book, tell, swap } = stage();
  await tell({ edge: seen(3, 2) });
  expect(book.site(HOST)).toMatchObject({ requests: 3, reasons: [] });
  swap({ sites: [{ hostname: HOST }] } as unknown as Snapshot);
  expect(book.site(HOST).requests).toBe(3);
  swap({ sites: [] } as unknown as Snapshot);
  expect(book.site(HOST).requests).toBe(0);
});

test("what was counted of one customer is not shown to the next who has the hostname", async () => {
  const { book, tell, swap } = stage();
  const of = (...customers: string[]) =>
    swap({ sites: customers.map((customer) => ({ hostname: HOST, customer })) } as never);
  of("shop");
  await tell({ edge: seen(3, 2) });
  of("shop");
  expect(book.site(HOST).requests).toBe(3);
  of("news");
  expect(book.site(HOST).requests).toBe(0);
  await tell({ edge: seen(5, 2) });
  of();
  // A cache had something left to tell.
  await tell({ edge: seen(1, 0) });
  of("shop");
  expect(book.site(HOST).requests).toBe(0);
});
