// Attacks over HTTP/3, by a client that says what it likes: what the runtime bears, and what the cache adds.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { HTTP3_CASES } from "../lab/http3-cases.ts";
import { varint } from "../lab/quic-tls.ts";
import { H3, h3Frame, prefixed, qpack, RawHttp3 } from "../lab/raw-http3.ts";
import { RawQuic } from "../lab/raw-quic.ts";
import { CACHED_REPLY, type Recorder } from "../lab/recorder.ts";
import { type BankStage, BANK as SITE, startBank } from "./bank-stage.ts";
import type { Stage } from "./edge-stage.ts";

const NET = "127.72.3";
const FRAMES = Number(process.env.TURNPIKE_FLOOD_FRAMES ?? 20_000);
const MIB = 1_048_576;

/** What was sent and seen, for who reads of it. */
const figures: Record<string, unknown> = { frames: FRAMES };
let bank: BankStage;
let origin: Recorder;
let stage: Stage;

beforeAll(async () => {
  bank = await startBank({ origin: `${NET}.1`, edge: `${NET}.9`, http3: true });
  ({ origin, stage } = bank);
});
afterAll(() => bank.stop(figures));
beforeEach(() => origin.clear());

const open = () =>
  RawHttp3.open({ address: stage.address, port: stage.edge.httpsPort!, servername: SITE });
const get = (path: string) => stage.get(`http://${SITE}${path}`);
const head = (path: string, method = "GET") =>
  [
    [":method", method],
    [":scheme", "https"],
    [":authority", SITE],
    [":path", path],
  ] as const;
const headers = (path: string, method?: string) => h3Frame(H3.headers, qpack(head(path, method)));

describe("over HTTP/3", () => {
  for (const { what, fields, body, reaches } of HTTP3_CASES(SITE)) {
    const words = reaches === undefined ? "reaches nobody" : `is one request, ${reaches}`;
    test(`${what}: ${words} (H3, H6, H7)`, async () => {
      const connection = await open();
      const stream = connection.ask(fields, body === undefined ? undefined : Buffer.from(body));
      const said = await connection.answer(stream);
      if (reaches === undefined && typeof said === "number")
        expect(said).toBeGreaterThanOrEqual(400);
      else expect(said).toBe(reaches === undefined ? "closed" : 200);
      connection.close();
      // A next request waits until all that came before was read.
      expect((await get("/next")).status).toBe(200);
      expect(origin.reached()).toEqual([...(reaches === undefined ? [] : [reaches]), "GET /next"]);
      expect(origin.malformed).toEqual([]);
    });
  }

  test("fields that stand for far more are not unfolded, from either table (H14)", async () => {
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    // The longest entry of the static table, sixty thousand times; and one of the connection's own.
    const own = Buffer.concat([
      ...[prefixed(5, 0x20, 4096), prefixed(5, 0x40, 3), Buffer.from("x-a")],
      ...[prefixed(7, 0, 900), Buffer.alloc(900, "b")],
    ]);
    for (const [prefix, each] of [
      [Buffer.of(0, 0), Buffer.of(0xc0 | 56)],
      [Buffer.of(2, 0), Buffer.of(0x80)],
    ] as const) {
      const connection = await open();
      connection.quic.send(RawQuic.stream(6, own, { offset: 1 }));
      const fields = qpack(head("/bomb")).subarray(2);
      const block = Buffer.concat([prefix, fields, Buffer.alloc(60_000, each)]);
      expect(await connection.answer(connection.write(h3Frame(H3.headers, block)))).toBe("closed");
      connection.close();
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MIB);
    expect(origin.requests).toEqual([]);
    expect((await get("/fair")).status).toBe(200);
  });
});

const u = (...numbers: readonly number[]) => Buffer.concat(numbers.map(varint));
/** What one packet of a flood says, and how many frames that are. */
interface Flood {
  readonly what: string;
  readonly frames: number;
  readonly each: (connection: RawHttp3, packet: number) => Buffer;
}
const some = (frames: number, one: Buffer) =>
  Buffer.concat(Array.from({ length: frames }, () => one));
const same = (what: string, frames: number, one: Buffer): Flood => {
  const all = some(frames, one);
  return { what, frames, each: () => all };
};
const OPENS = headers("/e", "POST");

const FLOODS: readonly Flood[] = [
  same("PING (H16)", 1_000, u(0x01)),
  same("MAX_DATA (H16)", 100, u(0x10, 2 ** 28)),
  same("DATA_BLOCKED (H16)", 250, u(0x14, 9)),
  same("empty STREAM frames (H16)", 200, RawQuic.stream(2, Buffer.alloc(0))),
  same("PATH_CHALLENGE (H16)", 100, Buffer.concat([u(0x1a), Buffer.alloc(8)])),
  {
    what: "empty DATA (H16)",
    frames: 500,
    each: (_, packet) => {
      const data = some(500, h3Frame(H3.data, Buffer.alloc(0)));
      if (packet === 0) return RawQuic.stream(0, OPENS);
      return RawQuic.stream(0, data, { offset: OPENS.length + 1_000 * (packet - 1) });
    },
  },
  {
    what: "requests that are reset (H15)",
    frames: 1,
    each: (connection) => {
      const id = connection.next();
      const bytes = headers(`/r${id}`);
      const reset = [u(0x04, id, 0x10c, bytes.length), u(0x05, id, 0x10c)];
      return Buffer.concat([RawQuic.stream(id, bytes), ...reset]);
    },
  },
  {
    what: "requests whose answers are refused (H15)",
    frames: 1,
    each: (connection) => {
      const id = connection.next();
      const asks = RawQuic.stream(id, headers(`/s${id}`), { fin: true });
      return Buffer.concat([asks, u(0x05, id, 0x10c)]);
    },
  },
];

describe("a flood over HTTP/3 of", () => {
  for (const { what, frames, each } of FLOODS) {
    test(`${what} slows nobody else, and leaves nothing behind`, async () => {
      origin.reply = () => CACHED_REPLY;
      await get("/calm");
      let under = 0;
      origin.reply = () => {
        under++;
        return null;
      };
      Bun.gc(true);
      const before = process.memoryUsage.rss();
      const connection = await open();
      // One request or reset is worth a hundred frames that ask for nothing.
      const packets = Math.ceil(frames === 1 ? FRAMES / 100 : FRAMES / frames);
      let sent = 0;
      for (; sent < packets && connection.quic.closedWith === null; sent++) {
        connection.quic.send(each(connection, sent));
        if (sent % 20 === 19) expect((await get("/calm")).status).toBe(200);
      }
      expect((await get("/calm")).status).toBe(200);
      const grownBytes = process.memoryUsage.rss() - before;
      figures[what] = { frames: sent * frames, grownBytes, fetchesAtOnce: under };
      expect(grownBytes).toBeLessThan(96 * MIB);
      expect(under).toBeLessThanOrEqual(100);
      connection.close();
      origin.dropAll();
    }, 120_000);
  }
});
