import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { END_HEADERS, END_STREAM, FRAME, fieldBlock, frame, RawHttp2 } from "../lab/raw-http2.ts";
import { CACHED_REPLY, type Recorder } from "../lab/recorder.ts";
import { type BankStage, BANK as SITE, startBank } from "./bank-stage.ts";
import { type Stage, until } from "./edge-stage.ts";

const NET = "127.100";
const FRAMES = Number(process.env.TURNPIKE_FLOOD_FRAMES ?? 5_000);
const SLOW = Number(process.env.TURNPIKE_SLOW_CLIENTS ?? 200);
/** Opening so many connections takes a full machine its time. */
setDefaultTimeout(60_000 + 30 * SLOW);
const MIB = 1_048_576;

/** What was sent and seen, for who reads of it. */
const figures: Record<string, unknown> = { frames: FRAMES };
let bank: BankStage;
let origin: Recorder;
let stage: Stage;

beforeAll(async () => {
  bank = await startBank({ origin: `${NET}.0.1`, edge: `${NET}.9.1` });
  ({ origin, stage } = bank);
});
afterAll(() => bank.stop(figures));

const get = (path: string) => stage.get(`http://${SITE}${path}`);

function head(method: string, path: string): Buffer {
  return fieldBlock([
    [":method", method],
    [":scheme", "https"],
    [":authority", SITE],
    [":path", path],
  ]);
}

const u32 = (n: number) => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n].map((b) => b & 255));
const asks = (stream: number, path: string) =>
  frame(FRAME.headers, { stream, flags: END_HEADERS | END_STREAM, payload: head("GET", path) });
const opens = (path: string) =>
  frame(FRAME.headers, { stream: 1, flags: END_HEADERS, payload: head("POST", path) });

interface Flood {
  readonly what: string;
  readonly first?: Buffer;
  readonly each: (stream: number) => Buffer;
  /** The runtime ends the connection; else it takes them all, without growing. */
  readonly ends: boolean;
}

const FLOODS: readonly Flood[] = [
  {
    what: "requests that are reset (H15)",
    each: (stream) =>
      Buffer.concat([asks(stream, `/r${stream}`), frame(FRAME.reset, { stream, payload: u32(8) })]),
    ends: true,
  },
  {
    what: "streams that the server has to reset (H15, MadeYouReset)",
    each: (stream) =>
      Buffer.concat([
        asks(stream, `/m${stream}`),
        frame(FRAME.windowUpdate, { stream, payload: u32(0) }),
      ]),
    ends: true,
  },
  {
    what: "DATA after the end of a stream (H15)",
    each: (stream) => Buffer.concat([asks(stream, "/x"), frame(FRAME.data, { stream })]),
    ends: true,
  },
  {
    what: "CONTINUATION without an end (H16)",
    first: frame(FRAME.headers, { stream: 1, payload: head("GET", "/c") }),
    each: () => frame(FRAME.continuation, { stream: 1, payload: fieldBlock([["x-a", "b"]]) }),
    ends: true,
  },
  {
    what: "empty CONTINUATION (H16)",
    first: frame(FRAME.headers, { stream: 1, payload: head("GET", "/c") }),
    each: () => frame(FRAME.continuation, { stream: 1 }),
    ends: true,
  },
  {
    what: "SETTINGS (H16)",
    each: () => frame(FRAME.settings, { payload: Buffer.from([0, 4, 0, 0, 255, 255]) }),
    ends: false,
  },
  {
    what: "PING (H16)",
    each: () => frame(FRAME.ping, { payload: Buffer.alloc(8) }),
    ends: false,
  },
  {
    what: "PRIORITY (H16)",
    each: (stream) => frame(FRAME.priority, { stream, payload: Buffer.from([0, 0, 0, 0, 1]) }),
    ends: false,
  },
  {
    what: "empty DATA (H16)",
    first: opens("/e"),
    each: () => frame(FRAME.data, { stream: 1 }),
    ends: false,
  },
  { what: "frames that nobody knows (H16)", each: () => frame(0x77), ends: false },
  {
    what: "more streams than may be open (H16)",
    each: (stream) => asks(stream, `/s${stream}`),
    ends: false,
  },
];

describe("a flood of", () => {
  for (const flood of FLOODS) {
    test(`${flood.what} slows nobody else`, async () => {
      origin.clear();
      origin.reply = () => CACHED_REPLY;
      await get("/fair");
      // Nothing is answered any more: what the flood asks for stays under way.
      let under = 0;
      origin.reply = () => {
        under++;
        return null;
      };
      Bun.gc(true);
      const before = process.memoryUsage.rss();
      const at = { address: stage.address, port: stage.edge.httpsPort! };
      const connection = await RawHttp2.open(at);
      connection.send(...(flood.first === undefined ? [] : [flood.first]));
      for (let sent = 0; sent < FRAMES && !connection.closed; sent += 5_000) {
        const some = Math.min(5_000, FRAMES - sent);
        connection.send(
          Buffer.concat(Array.from({ length: some }, (_, i) => flood.each(1 + 2 * (sent + i)))),
        );
        // A fair client beside it gets what it asks for.
        for (let i = 0; i < 5; i++) expect((await get("/fair")).status).toBe(200);
        connection.frames.length = Math.min(connection.frames.length, 10);
      }
      if (flood.ends) {
        const over = () => connection.closed || connection.has(FRAME.goaway);
        expect(await connection.until(over, 10_000)).not.toBe("late");
      }
      connection.close();
      expect((await get("/fair")).status).toBe(200);
      const grownBytes = process.memoryUsage.rss() - before;
      figures[flood.what] = { ended: flood.ends, grownBytes, fetchesAtOnce: under };
      expect(grownBytes).toBeLessThan(96 * MIB);
      // What one connection may have under way.
      expect(under).toBeLessThanOrEqual(100);
      origin.dropAll();
    }, 120_000);
  }
});

/** Frames of a body are let be until that has come too slowly for twelve seconds: told where there is time. */
const long = FRAMES > 5_000;
const cutOff = FLOODS.filter(({ what, ends }) => !ends && (long || what !== "empty DATA (H16)"));

describe("who goes on flooding with", () => {
  for (const flood of cutOff) {
    test(`${flood.what} is cut off, and one that was cut off slowed nobody`, async () => {
      origin.clear();
      origin.reply = ({ target }) => (target === "/fair" ? CACHED_REPLY : null);
      await get("/fair");
      const at = { address: stage.address, port: stage.edge.httpsPort! };
      const connection = await RawHttp2.open(at);
      connection.send(...(flood.first === undefined ? [] : [flood.first]));
      const from = performance.now();
      let sent = 0;
      while (!connection.closed && performance.now() - from < 45_000) {
        // As fast as it is taken, and answers are read.
        if (connection.socket.writableLength < 1_000_000) {
          const some = Array.from({ length: 5_000 }, (_, i) => flood.each(1 + 2 * (sent + i)));
          connection.send(Buffer.concat(some));
          sent += some.length;
        }
        connection.frames.length = Math.min(connection.frames.length, 10);
        await Bun.sleep(5);
      }
      expect(connection.closed).toBe(true);
      const sec = Math.round(performance.now() - from) / 1000;
      figures[`cut off: ${flood.what}`] = { sec, frames: sent };
      expect((await get("/fair")).status).toBe(200);
      origin.dropAll();
    }, 60_000);
  }
});

test("64 KB of fields that stand for 240 MB are not unfolded, and reach nobody (H14)", async () => {
  origin.clear();
  origin.reply = () => CACHED_REPLY;
  await get("/fair");
  origin.requests.length = 0;
  const at = { address: stage.address, port: stage.edge.httpsPort! };
  const connection = await RawHttp2.open(at);
  // One field of 4 KB goes into the table of the connection (RFC 7541 6.2.1); each byte after it is that field.
  const value = Buffer.alloc(4_000, "b");
  const entry = Buffer.concat([
    Buffer.of(0x40, 3),
    Buffer.from("x-a"),
    integer(7, value.length),
    value,
  ]);
  const times = Buffer.alloc(16_000, 0x80 | 62);
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const payload = Buffer.concat([head("GET", "/bomb"), entry]);
  connection.send(frame(FRAME.headers, { stream: 1, flags: END_STREAM, payload }));
  for (let i = 0; i < 4; i++)
    connection.send(
      frame(FRAME.continuation, { stream: 1, flags: i === 3 ? END_HEADERS : 0, payload: times }),
    );
  expect(await connection.until(() => connection.ended(1))).not.toBe("late");
  const status = connection.status(1);
  if (status !== null) expect(status).toBe(431);
  connection.close();
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MIB);
  expect((await get("/fair")).status).toBe(200);
  expect(origin.requests).toEqual([]);
});

/** An integer with a prefix of so many bits, all of them set (RFC 7541 5.1). */
function integer(prefixBits: number, value: number): Buffer {
  const most = 2 ** prefixBits - 1;
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

describe("slow clients", () => {
  test("of heads and bodies, and silent ones, are gone after 15 s by either protocol, and a fair one is served (H17)", async () => {
    origin.clear();
    origin.reply = () => CACHED_REPLY;
    await get("/fair");
    const slow = new URL("../fixtures/slow-clients.ts", import.meta.url).pathname;
    const run = async (protocol: 1 | 2, port: number, count: number) => {
      const to = [protocol, stage.address, port, SITE, count].map(String);
      const child = Bun.spawn({ cmd: [process.execPath, slow, ...to], stdout: "pipe" });
      const gone = JSON.parse(await new Response(child.stdout).text()) as number[];
      expect(gone.length).toBe(count);
      return gone;
    };
    const { httpPort, httpsPort } = stage.edge;
    const all = Promise.all([run(1, httpPort, SLOW), run(2, httpsPort!, SLOW)]);
    let over = false;
    void all.then(() => {
      over = true;
    });
    // Beside them somebody whose connection is quiet but for a request now and then.
    const calm = await RawHttp2.open({ address: stage.address, port: httpsPort! });
    let asked = 0;
    let askedMs = Number.NEGATIVE_INFINITY;
    let served = 0;
    while (!over) {
      expect((await get("/fair")).status).toBe(200);
      served++;
      // By the clock, however long a turn takes: whoever asks for nothing for longer is closed.
      if (performance.now() > askedMs + 3_000) {
        askedMs = performance.now();
        calm.send(asks(1 + 2 * asked++, "/fair"));
      } else if (served % 10 === 0) calm.send(frame(FRAME.ping, { payload: Buffer.alloc(8) }));
      await Bun.sleep(50);
    }
    expect(calm.closed).toBe(false);
    calm.send(asks(1 + 2 * asked++, "/fair"));
    await calm.until(() => calm.status(2 * asked - 1) !== null);
    expect(calm.status(2 * asked - 1)).toBe(200);
    calm.close();
    const seconds = (await all).flat().sort((a, b) => a - b);
    figures["slow clients"] = {
      http1: SLOW,
      http2: SLOW,
      longestSec: seconds.at(-1),
      servedBeside: served,
    };
    // 15 s, and 10 s more for a machine that stands still.
    expect(seconds.at(-1)).toBeLessThan(25);
    expect(served).toBeGreaterThan(20);
    expect(origin.requests.every((one) => one.target === "/fair")).toBe(true);
  });

  test("that do not read hold their origin up, and not the cache's memory (H17)", async () => {
    origin.clear();
    const body = Buffer.alloc(64 * MIB, "x");
    let waiting = () => 0;
    const head = `HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: ${body.length}\r\n\r\n`;
    origin.reply = (_, socket) => {
      socket.write(head);
      socket.write(body);
      waiting = () => socket.writableLength;
      return null;
    };
    const socket = connect(stage.edge.httpPort, stage.address, () =>
      socket.write(`GET /large HTTP/1.1\r\nHost: ${SITE}\r\n\r\n`),
    );
    socket.on("error", () => {});
    let got = 0;
    socket.on("data", (chunk) => {
      got += chunk.length;
      socket.pause();
    });
    await until(() => got > 0);
    for (let i = 0; i < 50; i++) await get("/.well-known/turnpike/health");
    // What the client does not take stays with the origin, but for what sockets and one queue hold.
    expect(waiting()).toBeGreaterThan(32 * MIB);
    socket.destroy();
    origin.dropAll();
  }, 30_000);
});
