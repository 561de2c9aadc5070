import { expect, test } from "bun:test";
import { SMALL, snapshotOf } from "../../test/fixtures/network.ts";
import { FakeClock } from "../base/clock.ts";
import { LocalBus } from "../bus/mod.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import { NO_HEALTH } from "../model/health.ts";
import type { NodeStats } from "../model/messages.ts";
import { NetworkBook } from "./networks.ts";

function world() {
  const bus = new LocalBus();
  const clock = new FakeClock();
  const snapshot = snapshotOf(SMALL);
  const feed = {
    ...{ snapshot: () => snapshot, health: () => NO_HEALTH, assignment: () => NO_ASSIGNMENT },
    ...{ onSnapshot: () => () => {}, onHealth: () => () => {} },
  };
  const book = new NetworkBook({ bus, feed, clock });
  const tell = async (node: string, networks: NodeStats["networks"]) => {
    const empty = { lookups: {}, edgeLookups: {}, answers: {}, edge: {}, fetches: {} };
    bus.publish("stats", { node, atMs: 0, snapshot: 1, ...empty, ...(networks && { networks }) });
    // The bus hands it over after this turn.
    await Promise.resolve();
  };
  return { book, clock, tell };
}

test("networks are listed by pop with their age, the busiest first, with the group they are in", async () => {
  const { book, clock, tell } = world();
  await tell("fra-1", {
    "192.0.2.0/24": { rttMs: 12, samples: 3 },
    "203.0.113.0/24": { rttMs: 8, samples: 9 },
  });
  clock.advance(5000);
  await tell("nyc-1", { "192.0.2.0/24": { rttMs: 90, samples: 1 } });
  expect(book.list()).toEqual([
    {
      ...{ prefix: "203.0.113.0/24", group: "berlin", samples: 9 },
      pops: [{ pop: "fra", rttMs: 8, ageSec: 5 }],
    },
    {
      ...{ prefix: "192.0.2.0/24", group: "default", samples: 4 },
      pops: [
        { pop: "fra", rttMs: 12, ageSec: 5 },
        { pop: "nyc", rttMs: 90, ageSec: 0 },
      ],
    },
  ]);
  expect(book.measured()[1]).toEqual({
    ...{ prefix: "192.0.2.0/24", samples: 4, rttMs: { fra: 12, nyc: 90 } },
  });
  clock.advance(86_400_000);
  expect(book.list().map(({ pops }) => pops.map(({ pop }) => pop))).toEqual([["nyc"]]);
  book.stop();
});

test("what is no /24 or /48, no time, or told by nobody of ours is not taken", async () => {
  const { book, tell } = world();
  const good = { rttMs: 5, samples: 1 };
  await tell("stranger", { "192.0.2.0/24": good });
  await tell("fra-1", {
    ...{ "192.0.2.0/25": good, "2001:db8::/32": good, nonsense: good },
    ...{ "10.0.0.0/24": { rttMs: -1, samples: 1 }, "10.0.1.0/24": { rttMs: 5, samples: 0 } },
    "10.0.2.0/24": { rttMs: Number.NaN, samples: 2 },
  });
  expect(book.list()).toEqual([]);
});

test("memory is bounded: the network heard of longest ago gives way", async () => {
  const { book, tell } = world();
  for (let part = 0; part < 101; part++) {
    const some = Array.from({ length: 200 }, (_, i) => {
      const n = part * 200 + i;
      return [`10.${n >> 8}.${n & 255}.0/24`, { rttMs: 1, samples: 1 }] as const;
    });
    await tell("fra-1", Object.fromEntries(some));
  }
  const all = book.list();
  expect(all).toHaveLength(20_000);
  expect(all.some(({ prefix }) => prefix === "10.0.0.0/24")).toBe(false);
});
