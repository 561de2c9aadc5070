// Connections of HTTPS that send frames and ask for nothing are closed (edge-floods); those that only look so
// are not: what they asked for is under way.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { END_HEADERS, END_STREAM, FRAME, fieldBlock, frame, RawHttp2 } from "../lab/raw-http2.ts";
import { Stage, snapshotOf, until } from "./edge-stage.ts";

const NET = "127.72.2";
const SITE = "www.shop.example";
const EVERY_MS = 1_500;
/** Longer than any that asks for nothing lives. */
const ROUNDS = 10;

/** Says a few bytes of a stream now and then, talks by WebSocket, and answers uploads by their length. */
const origin = Bun.serve({
  hostname: `${NET}.1`,
  port: 0,
  idleTimeout: 60,
  async fetch(request, own) {
    const { pathname } = new URL(request.url);
    if (pathname === "/socket") return own.upgrade(request) ? undefined : new Response("no");
    if (pathname === "/upload") return new Response(String((await request.bytes()).length));
    let round = 0;
    const events = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (round > 0) await Bun.sleep(EVERY_MS);
        controller.enqueue(Buffer.from(round === ROUNDS ? "end\n" : `: ${round}\n`));
        if (round++ === ROUNDS) controller.close();
      },
    });
    return new Response(events, { headers: { "cache-control": "no-store" } });
  },
  websocket: { message: (ws, message) => void ws.send(message) },
});
let stage: Stage;

beforeAll(async () => {
  const port = origin.port!;
  const origins = [{ name: "o1", v4: `${NET}.1`, port }];
  const fetch = { webSockets: true };
  const site = { hostname: SITE, customer: "shop", port, front: "caches" as const, origins, fetch };
  stage = new Stage(snapshotOf([site]), `${NET}.9`);
  await stage.start({ tls: selfSigned([SITE], new Date()) });
});
afterAll(async () => {
  await stage.stop();
  await origin.stop(true);
});

const PING = frame(FRAME.ping, { payload: Buffer.alloc(8) });

async function opened(method: string, path: string): Promise<RawHttp2> {
  const connection = await RawHttp2.open({
    ...{ address: stage.address, port: stage.edge.httpsPort! },
  });
  const payload = fieldBlock([
    [":method", method],
    [":scheme", "https"],
    [":authority", SITE],
    [":path", path],
  ]);
  const flags = END_HEADERS | (method === "GET" ? END_STREAM : 0);
  connection.send(frame(FRAME.headers, { stream: 1, flags, payload }));
  return connection;
}

test("a quiet stream, a slow upload and a WebSocket outlive a connection that asks for nothing (H17)", async () => {
  const stream = await opened("GET", "/events");
  const upload = await opened("POST", "/upload");
  const idle = await RawHttp2.open({ address: stage.address, port: stage.edge.httpsPort! });
  const url = `wss://${stage.address}:${stage.edge.httpsPort}/socket`;
  const options = { headers: { host: SITE }, tls: { rejectUnauthorized: false } };
  const socket = new WebSocket(url, options as unknown as string[]);
  let heard = 0;
  let closed = false;
  socket.onmessage = () => {
    heard++;
  };
  socket.onclose = () => {
    closed = true;
  };
  await until(() => socket.readyState === WebSocket.OPEN);
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of [stream, idle]) one.send(PING);
    upload.send(frame(FRAME.data, { stream: 1, payload: Buffer.alloc(300) }));
    socket.send("x");
    await Bun.sleep(EVERY_MS);
  }
  upload.send(frame(FRAME.data, { stream: 1, flags: END_STREAM }));
  expect(await idle.until(() => false, 20_000)).toBe("closed");
  expect(await stream.until(() => stream.body(1).toString().endsWith("end\n"))).toBe("held");
  expect(await upload.until(() => upload.body(1).length > 0)).toBe("held");
  expect(upload.body(1).toString()).toBe(String(300 * ROUNDS));
  await until(() => heard === ROUNDS);
  expect(closed).toBe(false);
  socket.close();
  for (const one of [stream, upload]) one.close();
}, 60_000);
