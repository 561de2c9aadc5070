import { afterEach, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { rawWebSockets } from "../../test/lab/raw-web-sockets.ts";
import { until } from "../../test/stories/edge-stage.ts";
import { seededRng } from "../base/rng.ts";
import { noUsage } from "../model/usage.ts";
import type { Ask } from "./hot/ask.ts";
import { noCounts } from "./hot/count.ts";
import type { Place } from "./hot/fetch.ts";
import { refusals } from "./hot/refuse.ts";
import type { EdgeTable } from "./hot/table.ts";
import type { OpenSocket } from "./hot/works.ts";
import { UPGRADED, type WebSocketPair, WebSockets } from "./web-sockets.ts";

const ADDRESS = "127.94.1.1";
const KIB = 1024;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** The client's end of one, as the listener has it; it takes all at once. */
function client() {
  const ended = { code: null as number | null };
  const end = (code = 1006) => {
    ended.code ??= code;
  };
  return { ended, getBufferedAmount: () => 0, send: () => 1, close: end, terminate: () => end() };
}

function askOf(customer: string, signal?: AbortSignal): Ask {
  const headers = {
    ...{ upgrade: "websocket", connection: "Upgrade", host: `www.${customer}.example` },
    ...{ "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", "sec-websocket-version": "13" },
  };
  const hostname = `www.${customer}.example`;
  const site = { scheme: "http", front: "caches", fetch: { webSockets: true } };
  const entry = { customer, hostname, site, usage: noUsage(), counts: noCounts() };
  const request = new Request(`http://${hostname}/chat`, { headers, ...(signal && { signal }) });
  return { request, entry, path: "/chat", form: "first", ruled: null, sent: null } as never;
}

/** One attempt to open one; `left` says whether its place was given back, `well` what was said of its server. */
function attempt(
  sockets: WebSockets,
  customer: string,
  { port, signal }: { readonly port: number; readonly signal?: AbortSignal },
) {
  const ask = askOf(customer, signal);
  const made = { left: false, well: null as boolean | null, pair: null as WebSocketPair | null };
  const place = {
    ...{ choice: { id: "o", port }, address: ADDRESS, fields: [["host", ask.entry.hostname]] },
    settled: ({ well }: { readonly well: boolean }) => {
      made.well = well;
    },
    leave: () => {
      made.left = true;
    },
  } as unknown as Place;
  const connection = {
    upgrade: (_: Request, { data }: { readonly data: WebSocketPair }) => {
      made.pair = data;
      return true;
    },
  };
  const o = { next: async () => place, connection } as unknown as OpenSocket;
  return { made, ask, answer: sockets.open(ask, o) };
}

/** One that stands. */
async function opened(sockets: WebSockets, customer: string, port: number) {
  const { made, answer } = attempt(sockets, customer, { port });
  expect(await answer).toBe(UPGRADED);
  const end = client();
  made.pair!.opened(end as never);
  ends.push(() => made.pair!.end(1001));
  return { made, ...end };
}

/** The first 64 KB and more of a message that goes on. */
function begun(bytes: number): Buffer {
  const head = Buffer.alloc(10);
  head[0] = 0x82;
  head[1] = 127;
  head.writeUInt32BE(1024 * KIB, 6);
  return Buffer.concat([head, Buffer.alloc(bytes)]);
}

test("messages without an end hold no more memory together than there is room for, and end nobody else's", async () => {
  const servers: Socket[] = [];
  const server = await rawWebSockets(ADDRESS, { opened: (socket) => void servers.push(socket) });
  ends.push(() => server.stop());
  // An eighth of it is room.
  const sockets = new WebSockets({
    ...{ node: "edge-1", rng: seededRng(1), memoryBytesMax: 8 * 2048 * KIB },
  });
  const held = ({ made }: { readonly made: { readonly pair: WebSocketPair | null } }) =>
    made.pair!.heldBytes;
  const fair = await opened(sockets, "shop", server.port);
  servers[0]!.write(begun(40 * KIB));
  await until(() => held(fair) >= 40 * KIB);
  const noisy = [];
  for (let i = 1; i <= 16; i++) {
    const one = await opened(sockets, "noisy", server.port);
    noisy.push(one);
    servers[i]!.write(begun(150 * KIB));
    await until(() => held(one) >= 150 * KIB || one.ended.code !== null);
  }
  const left = noisy.filter(({ ended }) => ended.code === null);
  expect(left.length).toBeGreaterThan(0);
  expect([fair, ...left].reduce((sum, one) => sum + held(one), 0)).toBeLessThanOrEqual(2048 * KIB);
  expect(fair.ended.code).toBeNull();
  const gone = noisy.filter(({ ended }) => ended.code !== null);
  expect(gone.every(({ made }) => made.left)).toBe(true);
});

test("none opens at a site that has them no more by the time its server answers", async () => {
  const waits = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const before = () => {
    asked.resolve();
    return waits.promise;
  };
  const server = await rawWebSockets(ADDRESS, { before });
  ends.push(() => server.stop());
  const sockets = new WebSockets({ node: "edge-1", rng: seededRng(1), memoryBytesMax: 1e9 });
  const { made, ask, answer } = attempt(sockets, "shop", server);
  await asked.promise;
  const { hostname } = ask.entry;
  const moved = { ...ask.entry, customer: "other" };
  sockets.tableChanged({ byHostname: new Map([[hostname, moved]]) } as unknown as EdgeTable);
  waits.resolve();
  expect(await answer).toBe(refusals.noOrigin);
  expect([made.left, made.pair]).toEqual([true, null]);
});

test("a client that leaves before its server answers holds no place with it, and blames nobody (H15)", async () => {
  const asked = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>().promise;
  const before = () => {
    asked.resolve();
    return never;
  };
  const server = await rawWebSockets(ADDRESS, { before });
  ends.push(() => server.stop());
  const sockets = new WebSockets({ node: "edge-1", rng: seededRng(1), memoryBytesMax: 1e9 });
  const leave = new AbortController();
  const { port } = server;
  const { made, answer } = attempt(sockets, "shop", { port, signal: leave.signal });
  await asked.promise;
  leave.abort();
  expect(await answer).toBe(refusals.timeout);
  expect([made.left, made.well, made.pair]).toEqual([true, true, null]);
});
