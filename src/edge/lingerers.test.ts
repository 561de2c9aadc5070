import { beforeEach, describe, expect, test } from "bun:test";
import { BusyPorts } from "./hot/busy-ports.ts";
import { Lingerers, pauseAfter } from "./lingerers.ts";

const HTTPS = 443;
const FD = 7;
const PORT = 40_000;
const HIT = 400;
const PING = 39;

let nowMs = 0;
let busy = new BusyPorts();
/** Bytes each way, by descriptor. */
let conns = new Map<number, { port: number; received: number; acked: number }>();
let shut: number[] = [];
let lingerers: Lingerers;
/** What happens while all are looked at. */
let meanwhile = () => {};

beforeEach(() => {
  meanwhile = () => {};
  nowMs = 0;
  busy = new BusyPorts();
  shut = [];
  conns = new Map([[FD, { port: PORT, received: 700, acked: 1500 }]]);
  lingerers = new Lingerers({
    ...{ busy, port: () => HTTPS, nowMs: () => nowMs, turn: async () => meanwhile() },
    sockets: {
      list: async () => [0, 1, ...conns.keys()],
      look: (fd, port) => {
        const conn = conns.get(fd);
        return conn === undefined || port !== HTTPS ? null : { ...conn };
      },
      shut: (fd) => {
        shut.push(fd);
        conns.delete(fd);
      },
    },
  });
});

interface Each {
  readonly received: number;
  readonly acked: number;
  readonly asked?: number;
}

/** So many seconds, with a look each half second; in each of them `say(second)` happens. */
async function pass(seconds: number, say: (second: number) => Each | null): Promise<void> {
  for (let i = 0; i < seconds * 2; i++) {
    const conn = conns.get(FD);
    const said = i % 2 === 0 ? say(i / 2) : null;
    if (said !== null && conn !== undefined) {
      conn.received += said.received;
      conn.acked += said.acked;
      if (lingerers.any) for (let n = 0; n < (said.asked ?? 0); n++) lingerers.asked(PORT);
    }
    nowMs += 500;
    await lingerers.look();
  }
}

const pings = (count: number): Each => ({ received: count * PING, acked: count * PING });

describe("a connection is closed", () => {
  test("after 12 s where it sends a frame now and then and asks for nothing", async () => {
    await pass(9, () => pings(1));
    expect(shut).toEqual([]);
    await pass(3, () => pings(1));
    expect(shut).toEqual([FD]);
    expect(lingerers.any).toBe(false);
  });

  test("likewise where nothing is answered to what it sends", async () => {
    await pass(12, (second) => (second % 3 === 0 ? { received: 23, acked: 0 } : null));
    expect(shut).toEqual([FD]);
  });

  test("where it floods with frames twice, or now and then", async () => {
    await pass(1, () => pings(1));
    await pass(1, () => pings(100_000));
    expect([shut, lingerers.any]).toEqual([[], true]);
    await pass(1, () => pings(100_000));
    expect(shut).toEqual([FD]);
  });

  test("where it asks once, and never again", async () => {
    await pass(4, (second) => (second === 3 ? { received: 60, acked: HIT, asked: 1 } : pings(1)));
    await pass(12, () => pings(1));
    expect(shut).toEqual([FD]);
  });
});

describe("a connection is let be", () => {
  test("where it asks for something small every four seconds, for a minute", async () => {
    await pass(60, (second) =>
      second % 4 === 0 ? { received: 60, acked: HIT, asked: 1 } : pings(1),
    );
    expect(shut).toEqual([]);
  });

  test("where it says nothing: the runtime closes it, and nobody's requests are counted", async () => {
    await pass(60, () => null);
    expect([shut, lingerers.any]).toEqual([[], false]);
  });

  test("where what it asked for is under way, however long, and no longer", async () => {
    const end = busy.enter(PORT, false);
    await pass(60, () => pings(1));
    expect(shut).toEqual([]);
    end();
    await pass(12, () => pings(1));
    expect(shut).toEqual([FD]);
  });

  test("where it uploads, also just before the look", async () => {
    await pass(20, () => {
      busy.enter(PORT, true)();
      return { received: 5_000_000, acked: 300 };
    });
    expect(shut).toEqual([]);
  });

  test("where it asks ten thousand times a second, whatever the fields weigh", async () => {
    await pass(20, () => ({ received: 10_000 * 900, acked: 10_000 * 150, asked: 10_000 }));
    expect(shut).toEqual([]);
  });

  test("where this process stood still, and has not heard yet what it asked for", async () => {
    await pass(6, () => pings(1));
    expect(lingerers.any).toBe(true);
    nowMs += 20_000;
    await pass(1, () => pings(1));
    expect(shut).toEqual([]);
    lingerers.asked(PORT);
    await pass(4, () => pings(1));
    expect(shut).toEqual([]);
  });

  test("where it came, and asked, while the others were looked at", async () => {
    conns.clear();
    meanwhile = () => {
      meanwhile = () => {};
      conns.set(FD, { port: PORT, received: 700, acked: 0 });
      busy.enter(PORT, false);
    };
    await pass(20, () => pings(1));
    expect(shut).toEqual([]);
  });

  test("where its descriptor was another's a moment ago", async () => {
    for (let i = 0; i < 40; i++) {
      await pass(3, () => pings(1));
      conns.set(FD, { port: PORT + i + 1, received: 700, acked: 1500 });
    }
    expect(shut).toEqual([]);
  });
});

test("what was under way on connections that are gone is forgotten", async () => {
  busy.enter(PORT, false);
  busy.enter(PORT + 1, false);
  await lingerers.look();
  expect([busy.has(PORT), busy.has(PORT + 1)]).toEqual([true, false]);
});

test("pauseAfter() has ten thousand connections looked at each second, and leaves the time to requests", () => {
  expect([0.1, 4, 7, 20, 40].map(pauseAfter)).toEqual([400, 400, 700, 1_000, 1_000]);
  // A hundred thousand of them.
  expect(pauseAfter(200)).toBe(2_000);
});
