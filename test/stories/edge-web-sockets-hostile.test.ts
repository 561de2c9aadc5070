// What a web server may not say on a WebSocket, or in the answer to a handshake, ends that WebSocket:
// nothing of it is kept, and nobody else hears of it.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { deflateRawSync } from "node:zlib";
import { type Said, sendRaw } from "../lab/raw-http1.ts";
import { Stage, snapshotOf, until } from "./edge-stage.ts";

const NET = "127.101.48";
const SHOP = "www.shop.example";
const MIB = 1024 * 1024;

/** What the server answers, beside an answer that is right, and what it does then. */
let head = (right: string) => right;
let after = (_: Socket) => {};
/** What came from the cache behind its handshakes. */
let got: Buffer[] = [];
const sockets = new Set<Socket>();
let stage: Stage;

/** RFC 6455 4.2.2. */
function proofOf(key: string): string {
  const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return createHash("sha1").update(`${key}${guid}`).digest("base64");
}

const server = createServer((socket) => {
  sockets.add(socket);
  let asked = "";
  socket.on("error", () => {});
  socket.on("close", () => sockets.delete(socket));
  socket.on("data", (bytes: Buffer) => {
    if (asked.endsWith("\r\n\r\n")) return void got.push(bytes);
    asked += bytes.toString("latin1");
    if (!asked.endsWith("\r\n\r\n")) return;
    const key = /sec-websocket-key: (.*)\r\n/i.exec(asked)?.[1] ?? "";
    const right = `HTTP/1.1 101 Go\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n`;
    socket.write(`${head(`${right}Sec-WebSocket-Accept: ${proofOf(key)}\r\n`)}\r\n`, "latin1");
    after(socket);
  });
});

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, `${NET}.1`, listening));
  const { port } = server.address() as AddressInfo;
  const origins = [{ name: "o1", v4: `${NET}.1`, port }];
  const site = { hostname: SHOP, customer: "shop", front: "caches" as const, port, origins };
  stage = new Stage(snapshotOf([{ ...site, fetch: { webSockets: true } }]), `${NET}.9`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  for (const socket of sockets) socket.destroy();
  server.close();
});
beforeEach(() => {
  head = (right) => right;
  after = () => {};
  got = [];
});

const KEY = "AAAAAAAAAAAAAAAAAAAAAA==";

/** A client's handshake, and what is said to it, until that is enough. */
function dial(enough: (text: string) => boolean): Promise<Said> {
  const text =
    `GET /chat HTTP/1.1\r\nHost: ${SHOP}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  const at = { address: stage.address, port: stage.edge.httpPort };
  return sendRaw(at, [text], { patienceMs: 20_000, enough });
}

const without = (name: string) => (right: string) =>
  right.replace(new RegExp(`${name}: .*\r\n`, "i"), "");
const EMPTY = "Content-Length: 0\r\n";

test.each([
  ["early hints, with a cookie", 101, (ok) => `HTTP/1.1 103 E\r\nSet-Cookie: a=b\r\n\r\n${ok}`],
  ["a length", 101, (ok) => `${ok}Content-Length: 7\r\n`],
  ["another status", 502, () => `HTTP/1.1 200 OK\r\n${EMPTY}`],
  ["a refusal", 502, () => `HTTP/1.1 403 No\r\n${EMPTY}`],
  ["no Upgrade", 502, without("Upgrade")],
  ["no Connection", 502, without("Connection")],
  ["no proof", 502, without("Sec-WebSocket-Accept")],
  ["another's proof", 502, (ok) => ok.replace(/Accept: .{4}/, "Accept: AAAA")],
  ["an extension", 502, (ok) => `${ok}Sec-WebSocket-Extensions: permessage-deflate\r\n`],
  ["a protocol nobody offered", 502, (ok) => `${ok}Sec-WebSocket-Protocol: other\r\n`],
  ["no HTTP", 502, () => "hello\r\n"],
  ["many interim answers", 502, (ok) => "HTTP/1.1 103 E\r\n\r\n".repeat(3_000) + ok],
  ["a head without an end", 502, (ok) => `${ok}X: ${"y".repeat(70_000)}`],
] satisfies (readonly [
  string,
  number,
  (right: string) => string,
])[])("an answer with %s is %d to the client, without a cookie", async (_, status, said) => {
  head = said;
  const answer = await dial((text) => text.includes("\r\n\r\n"));
  expect(answer.statuses[0]).toBe(status);
  expect(answer.text.toLowerCase()).not.toContain("set-cookie");
  await until(() => sockets.size === 0);
});

test("what opens one brings its server's cookies and own fields, and nothing of the handshake", async () => {
  const own = [
    "Set-Cookie: server=b; Path=/",
    "Set-Cookie: until=x; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    ...["X-Own: caf\xe9", "X-Twice: 1", "X-Twice: 2"],
    "Date: Mon, 23 Nov 2026 10:00:00 GMT",
  ];
  const theirs = [
    ...["Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Transfer-Encoding: chunked"],
    ...["Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: a", "Endpoint-Load-Metrics: TEXT cpu=1"],
  ];
  head = (right) => `${right}${[...own, ...theirs, ""].join("\r\n")}`;
  const answer = await dial((text) => text.includes("\r\n\r\n"));
  const [text = ""] = answer.text.split("\r\n\r\n");
  const lines = text.split("\r\n").slice(1);
  const told = lines.map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()));
  expect(told.toSorted()).toEqual([
    "connection: Upgrade",
    "date: Mon, 23 Nov 2026 10:00:00 GMT",
    // Of the key that this client sent, not of the one that the server was shown.
    `sec-websocket-accept: ${proofOf(KEY)}`,
    "set-cookie: server=b; Path=/",
    "set-cookie: until=x; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    "upgrade: websocket",
    "via: 1.1 edge-1",
    "x-own: caf\xe9",
    "x-twice: 1, 2",
  ]);
});

/** A frame's head, as a server writes it. */
function frameHead(first: number, length: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = first;
  bytes[1] = 127;
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}

/** A close that says 1011, as a client gets it: something on the way broke. */
const BROKEN = Buffer.of(0x88, 2, 3, 243).toString("latin1");

test.each([
  ["a message of a terabyte", () => [frameHead(0x82, 2 ** 40), Buffer.alloc(1_000)]],
  [
    "a message above 1 MiB in many frames",
    () => [
      ...Array.from({ length: 20 }, (_, i) => [
        frameHead(i === 0 ? 0x02 : 0x00, 65_536),
        Buffer.alloc(65_536),
      ]).flat(),
    ],
  ],
  [
    "a compressed message",
    () => {
      const packed = deflateRawSync(Buffer.alloc(20 * MIB));
      // The flag of permessage-deflate, which nobody agreed on (RFC 7692 6).
      const long = Buffer.concat([packed, Buffer.alloc(Math.max(0, 65_536 - packed.length))]);
      return [frameHead(0xc2, long.length), long];
    },
  ],
  ["a masked frame", () => [Buffer.of(0x81, 0x81, 1, 2, 3, 4, 5)]],
  ["text that is none", () => [Buffer.of(0x81, 2, 0xc3, 0x28)]],
] satisfies (readonly [
  string,
  () => readonly Buffer[],
])[])("a server that sends %s ends its WebSocket", async (_, frames) => {
  after = (socket) => void socket.write(Buffer.concat([...frames()]));
  const before = stage.usageOf("shop", SHOP).bytesOut;
  const said = await dial((text) => text.includes(BROKEN));
  expect([said.statuses[0], said.text.endsWith(BROKEN)]).toEqual([101, true]);
  await until(() => sockets.size === 0);
  // Nothing of it went out.
  expect(stage.usageOf("shop", SHOP).bytesOut).toBe(before);
});

test("a message of exactly 1 MiB goes through, a ping is answered here, and an end without a word is 1011", async () => {
  after = (socket) => {
    socket.write(Buffer.concat([Buffer.of(0x89, 2, 0x68, 0x69), frameHead(0x82, MIB)]));
    socket.write(Buffer.alloc(MIB, "x"));
  };
  const answer = dial((text) => text.includes(BROKEN));
  await until(() => stage.usageOf("shop", SHOP).bytesOut >= MIB, 20_000);
  // A pong, masked: opcode 10, two bytes.
  await until(() => Buffer.concat(got).length >= 8);
  expect([...Buffer.concat(got).subarray(0, 2)]).toEqual([0x8a, 0x82]);
  for (const socket of sockets) socket.destroy();
  const said = await answer;
  expect([said.text.includes("x".repeat(MIB)), said.text.endsWith(BROKEN)]).toEqual([true, true]);
});
