// No single request, and no flood of frames, holds the cache's event loop up for long (H24, H16, H22).
// A stall is a tick that comes late while the cache's own process is busy: another's work is none.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Watched } from "../fixtures/edge-watched.ts";
import { HTTP1_CASES, HTTP1_MUTANTS } from "../lab/http1-cases.ts";
import { HTTP2_CASES } from "../lab/http2-cases.ts";
import { sendRaw } from "../lab/raw-http1.ts";
import { END_HEADERS, END_STREAM, FRAME, fieldBlock, frame, RawHttp2 } from "../lab/raw-http2.ts";
import { CACHED_REPLY, type Recorder, startRecorder } from "../lab/recorder.ts";

const SITE = "www.bank.example";
const ADDRESS = "127.75.9.5";
const MUTANTS = Number(process.env.TURNPIKE_STALL_MUTANTS ?? 150);
const FRAMES = Number(process.env.TURNPIKE_FLOOD_FRAMES ?? 20_000);
const MIB = 1_048_576;

let origin: Recorder;
let child: Bun.Subprocess<"pipe", "pipe", "inherit">;
let lines: AsyncIterator<string>;
let ports: { readonly http: number; readonly https: number };
const evidence: Record<string, unknown> = {};
/** What one hit costs the cache's process over HTTP/2, ms of the processor. */
let hitMs = 0;

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream) {
    rest += new TextDecoder().decode(chunk);
    const whole = rest.split("\n");
    rest = whole.pop() ?? "";
    yield* whole;
  }
}

/** What the cache saw of itself since this was last asked, and until its next tick. */
async function watched(): Promise<Watched> {
  child.stdin.write("\n");
  await child.stdin.flush();
  return JSON.parse((await lines.next()).value as string) as Watched;
}

beforeAll(async () => {
  origin = await startRecorder("127.75.3.1");
  const script = join(import.meta.dir, "../fixtures/edge-watched.ts");
  const args = [ADDRESS, origin.address, String(origin.port), SITE];
  child = Bun.spawn([process.execPath, script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  lines = linesOf(child.stdout);
  ports = JSON.parse((await lines.next()).value as string) as typeof ports;
}, 30_000);
afterAll(async () => {
  child.stdin.end();
  await child.exited;
  await origin.stop();
  const file = process.env.TURNPIKE_EVIDENCE;
  if (file !== undefined) writeFileSync(file, JSON.stringify(evidence));
});
beforeEach(() => origin.clear());

const plain = () => ({ address: ADDRESS, port: ports.http });
const secure = () => ({ address: ADDRESS, port: ports.https });

/** A tenth of a percent of the ticks, and a collection of garbage or two. */
function expectNoStalls(seen: Watched): void {
  expect(seen.ticks).toBeGreaterThan(0);
  expect(seen.stalls).toBeLessThanOrEqual(2 + seen.ticks / 1_000);
}

function headsOf(path: string, host = SITE): Buffer {
  return fieldBlock([
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", host],
    [":path", path],
  ]);
}

test("no request of the corpora stalls the loop, over HTTP/1.1 and HTTP/2 (H24)", async () => {
  const slow = `/${"a".repeat(8_000)}`;
  const heads = ["GET", "POST", "OPTIONS"].map(
    (method) => `${method} ${slow} HTTP/1.1\r\nHost: ${SITE}\r\nContent-Length: 0\r\n\r\n`,
  );
  const corpus = [
    ...HTTP1_CASES(SITE).map((one) => one.bytes),
    ...HTTP1_MUTANTS(SITE, 9_000, MUTANTS),
  ];
  const enough = (text: string) => text.includes("\r\n\r\n");
  // What is compiled at the first request is not any request's own.
  await sendRaw(plain(), [heads[0]!], { enough });
  await watched();
  for (const bytes of [...corpus, ...heads]) {
    await sendRaw(plain(), [bytes], { enough, patienceMs: 20 });
  }
  const http1 = await watched();
  for (const { frames } of HTTP2_CASES(SITE)) {
    const connection = await RawHttp2.open(secure());
    connection.send(...frames);
    await connection.until(() => connection.ended(1), 1_000);
    connection.close();
  }
  const connection = await RawHttp2.open(secure());
  connection.send(
    frame(FRAME.headers, { stream: 1, flags: END_HEADERS | END_STREAM, payload: headsOf(slow) }),
  );
  await connection.until(() => connection.ended(1), 1_000);
  connection.close();
  const http2 = await watched();
  Object.assign(evidence, { http1, http2 });
  for (const seen of [http1, http2]) expectNoStalls(seen);
}, 600_000);

test("what a hit costs is known, to hold floods against", async () => {
  const hits = 2_000;
  origin.reply = () => CACHED_REPLY;
  const connection = await RawHttp2.open(secure());
  let next = 1;
  const ask = (count: number) => {
    const ids = Array.from({ length: count }, (_, i) => next + 2 * i);
    next += 2 * count;
    const flags = END_HEADERS | END_STREAM;
    const payload = headsOf("/hit");
    connection.send(...ids.map((stream) => frame(FRAME.headers, { stream, flags, payload })));
    const last = ids.at(-1)!;
    return connection.until(() => connection.ended(last), 20_000);
  };
  expect(await ask(1)).toBe("held");
  await watched();
  for (let done = 0; done < hits; done += 100) expect(await ask(100)).toBe("held");
  const seen = await watched();
  connection.close();
  hitMs = seen.cpuMs / hits;
  evidence.hit = { hits, ...seen };
  expect(hitMs).toBeGreaterThan(0);
}, 60_000);

const FLOODS: readonly (readonly [what: string, first: Buffer | null, each: Buffer])[] = [
  ["SETTINGS", null, frame(FRAME.settings, { payload: Buffer.from([0, 4, 0, 0, 255, 255]) })],
  ["PING", null, frame(FRAME.ping, { payload: Buffer.alloc(8) })],
  ["PRIORITY", null, frame(FRAME.priority, { stream: 1, payload: Buffer.from([0, 0, 0, 0, 1]) })],
  ["frames that nobody knows", null, frame(0x77)],
  [
    "empty DATA",
    frame(FRAME.headers, {
      ...{ stream: 1, flags: END_HEADERS },
      payload: Buffer.concat([headsOf("/e"), fieldBlock([["x-a", "b"]])]),
    }),
    frame(FRAME.data, { stream: 1 }),
  ],
];

for (const [what, first, each] of FLOODS) {
  test(`a flood of ${what} stalls nobody and leaves nothing behind (H16)`, async () => {
    const { rssBytes: before } = await watched();
    const connection = await RawHttp2.open(secure());
    if (first !== null) connection.send(first);
    const block = Buffer.concat(Array.from({ length: 1_000 }, () => each));
    for (let sent = 0; sent < FRAMES && !connection.closed; sent += 1_000) {
      connection.send(block);
      if (connection.socket.writableLength > MIB) {
        await connection.until(() => connection.socket.writableLength < MIB, 10_000);
      }
      connection.frames.length = Math.min(connection.frames.length, 10);
    }
    // A request behind it is answered: the cache has read all of it, or has cut it off.
    const asks = frame(FRAME.headers, {
      ...{ stream: 3, flags: END_HEADERS | END_STREAM, payload: headsOf("/f") },
    });
    connection.send(asks);
    const ended = await connection.until(() => connection.ended(3), 60_000);
    const fair = ended === "closed" ? await RawHttp2.open(secure()) : connection;
    if (ended === "closed") fair.send(asks);
    expect(await fair.until(() => fair.ended(3), 60_000)).toBe("held");
    expect(fair.status(3)).toBe(200);
    const seen = await watched();
    for (const one of [connection, fair]) one.close();
    evidence[what] = {
      frames: FRAMES,
      closed: connection.closed,
      grownBytes: seen.rssBytes - before,
      ...seen,
    };
    expectNoStalls(seen);
    expect(seen.rssBytes - before).toBeLessThan(64 * MIB);
    // Frames that ask for nothing are cheaper than requests: a flood of those is what a node is built for.
    expect(seen.cpuMs / FRAMES).toBeLessThan(hitMs / 2 + 50 / FRAMES);
  }, 120_000);
}
