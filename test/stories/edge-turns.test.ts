// One connection has so many fetches under way, and waits for itself: nobody else waits with it (H15).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { Http3Client } from "../lab/http3-client.ts";
import { END_HEADERS, END_STREAM, FRAME, fieldBlock, frame, RawHttp2 } from "../lab/raw-http2.ts";
import type { Recorder } from "../lab/recorder.ts";
import { type BankStage, BANK as SITE, startBank } from "./bank-stage.ts";
import { type Stage, until } from "./edge-stage.ts";

const NET = "127.72.1";
/** What one connection may have under way. */
const MOST = 100;
/** Streams that the runtime lets be open at once. */
const STREAMS = 256;

let bank: BankStage;
let origin: Recorder;
let stage: Stage;
/** What the web server was asked and has not answered. */
let waiting: { readonly path: string; readonly socket: Socket }[] = [];
let most = 0;

beforeAll(async () => {
  bank = await startBank({ origin: `${NET}.1`, edge: `${NET}.9`, http3: true });
  ({ origin, stage } = bank);
});
afterAll(() => bank.stop());
beforeEach(() => {
  origin.clear();
  waiting = [];
  most = 0;
  origin.reply = ({ target }, socket) => {
    waiting.push({ path: target, socket });
    most = Math.max(most, waiting.length);
    return null;
  };
});

const OK = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 2\r\n\r\nok";
/** The web server answers what it was asked so far. */
const answer = () => {
  for (const { socket } of waiting.splice(0)) socket.write(OK);
};
const get = (path: string) => stage.get(`http://${SITE}${path}`);
const at = () => ({ address: stage.address, port: stage.edge.httpsPort! });

/** A client that asks for `count` things over one connection; says how many were answered, by status. */
interface Crowd {
  readonly ask: (paths: readonly string[]) => void;
  readonly said: () => Readonly<Record<string, number>>;
  close(): void;
}

function tally(statuses: readonly (number | null)[]): Record<string, number> {
  const said: Record<string, number> = {};
  for (const status of statuses) {
    if (status !== null) said[status] = (said[status] ?? 0) + 1;
  }
  return said;
}

async function overHttp2(): Promise<Crowd> {
  const connection = await RawHttp2.open(at());
  let streams = 0;
  const ask = (path: string) => {
    const payload = fieldBlock([
      [":method", "GET"],
      [":scheme", "https"],
      [":authority", SITE],
      [":path", path],
    ]);
    const stream = 1 + 2 * streams++;
    return frame(FRAME.headers, { stream, flags: END_HEADERS | END_STREAM, payload });
  };
  return {
    ask: (paths) => connection.send(...paths.map(ask)),
    said: () => tally(Array.from({ length: streams }, (_, i) => connection.status(1 + 2 * i))),
    close: () => connection.close(),
  };
}

async function overHttp3(): Promise<Crowd> {
  const client = await Http3Client.open({ ...at(), servername: SITE });
  const statuses: number[] = [];
  return {
    ask: (paths) => {
      for (const path of paths) {
        void client.get(`https://${SITE}${path}`).then(({ status }) => statuses.push(status ?? 0));
      }
    },
    said: () => tally(statuses),
    close: () => client.destroy(),
  };
}

for (const [via, open, streams] of [
  ["HTTP/2", overHttp2, STREAMS],
  ["HTTP/3", overHttp3, 200],
] as const) {
  const paths = Array.from({ length: streams }, (_, i) => `/${via.replace("/", "")}/${i}`);

  describe(`a connection of ${via} that asks for ${streams} things at once`, () => {
    test("has a hundred of them fetched; others are answered the rest without waiting, and then it too (H15)", async () => {
      const crowd = await open();
      crowd.ask(paths);
      await until(() => waiting.length === MOST);
      const begun = waiting.map(({ path }) => path);
      expect(new Set(begun).size).toBe(MOST);
      const late = paths.filter((path) => !begun.includes(path));
      // Somebody else wants what waits for its turn there: it is fetched for them.
      const others = late.slice(0, 20).map((path) => get(path));
      await until(() => waiting.length === MOST + others.length);
      const theirs = waiting.splice(MOST);
      expect(new Set(theirs.map(({ path }) => path))).toEqual(new Set(late.slice(0, 20)));
      for (const { socket } of theirs) socket.write(OK);
      for (const reply of await Promise.all(others)) expect(reply.text).toBe("ok");
      // And what is fetched there already is shared with it.
      const joined = get(begun[0]!);
      most = waiting.length;
      expect(most).toBe(MOST);
      while (crowd.said()[200] !== streams) {
        answer();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      expect((await joined).text).toBe("ok");
      expect(most).toBe(MOST);
      expect(crowd.said()).toEqual({ 200: streams });
      // Each was fetched once, whoever asked.
      expect(origin.requests.length).toBe(streams);
      crowd.close();
    }, 30_000);
  });
}

test("streams that are reset while they wait for their turn are not fetched, and those fetched count until they end (H15)", async () => {
  const connection = await RawHttp2.open(at());
  const ask = (stream: number) =>
    frame(FRAME.headers, {
      ...{ stream, flags: END_HEADERS | END_STREAM },
      payload: fieldBlock([
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", SITE],
        [":path", `/reset/${stream}`],
      ]),
    });
  const all = Array.from({ length: 200 }, (_, i) => 1 + 2 * i);
  connection.send(...all.map(ask));
  await until(() => waiting.length === MOST);
  const reset = (stream: number) =>
    frame(FRAME.reset, { stream, payload: Buffer.from([0, 0, 0, 8]) });
  const begun = waiting.map(({ path }) => Number(path.split("/")[2]));
  // Fewer than a client network may leave behind at all.
  const left = begun.slice(0, 40);
  connection.send(...[...all.filter((stream) => !begun.includes(stream)), ...left].map(reset));
  connection.send(ask(501));
  for (let i = 0; i < 20; i++) await get("/.well-known/turnpike/health");
  // The web server works on a hundred still: no other of this connection's comes beside them.
  expect(waiting.length).toBe(MOST);
  answer();
  await until(() => waiting.some(({ path }) => path === "/reset/501"));
  expect(origin.requests.length).toBe(MOST + 1);
  answer();
  connection.close();
}, 30_000);

test("parts of one whole that are fetched for a connection that has its hundred keep nobody else waiting (H12, H15)", async () => {
  const size = 8 * 524_288;
  const part = (fields: readonly (readonly [string, string])[]) => {
    const [first, last] = fields
      .find(([name]) => name === "range")![1]
      .slice(6)
      .split("-")
      .map(Number) as [number, number];
    const head = `ETag: "a"\r\nCache-Control: max-age=600\r\nContent-Range: bytes ${first}-${last}/${size}`;
    const text = `HTTP/1.1 206 Partial Content\r\n${head}\r\nContent-Length: ${last - first + 1}\r\n\r\n`;
    return Buffer.concat([Buffer.from(text), Buffer.alloc(last - first + 1, "p")]);
  };
  const hang = origin.reply;
  origin.reply = (request, socket) =>
    request.target === "/film" ? { bytes: part(request.fields) } : hang(request, socket);
  const crowd = await overHttp2();
  crowd.ask(Array.from({ length: 120 }, (_, i) => `/beside/${i}`));
  await until(() => waiting.length === MOST);
  for (const first of [0, 2 * 524_288, 5 * 524_288]) {
    const one = await stage.get(`http://${SITE}/film`, { range: `bytes=${first}-${first + 9}` });
    expect([one.status, one.text]).toEqual([206, "pppppppppp"]);
  }
  crowd.close();
  origin.dropAll();
}, 30_000);
