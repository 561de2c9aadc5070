import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { rawWebSockets } from "../../test/lab/raw-web-sockets.ts";
import { seededRng } from "../base/rng.ts";
import { OriginSocket } from "./origin-socket.ts";

const ADDRESS = "127.101.48.2";
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** A server that opens every WebSocket, and has `said` told of what comes then. */
async function serverThat(said: (socket: Socket, bytes: Buffer) => void): Promise<number> {
  const server = await rawWebSockets(ADDRESS, { said });
  ends.push(() => server.stop());
  return server.port;
}

/** An open one, and what makes it look whether anything came: no clock does. */
async function opened(port: number) {
  const to = { scheme: "http", address: ADDRESS, port, hostname: "www.shop.example" } as const;
  let look: (() => void) | null = null;
  const socket = await OriginSocket.open(to, {
    ...{ path: "/", fields: [["host", "www.shop.example"]], rng: seededRng(1) },
    ...{ ms: 10_000, messageBytesMax: 1_000, idleMs: 120_000 },
    every: (_, act) => {
      look = act;
      return () => {
        look = null;
      };
    },
  });
  ends.push(() => socket.terminate());
  const said = { closed: null as number | null, message: Promise.withResolvers<void>() };
  socket.attach({
    message: () => said.message.resolve(),
    closed: (code) => {
      said.closed = code;
    },
  });
  const times = (n: number) => {
    for (let i = 0; i < n; i++) look?.();
  };
  return { said, times, looks: () => look !== null };
}

describe("OriginSocket", () => {
  test("pings a silent server, and gives it up when nothing comes of that", async () => {
    const ping = Promise.withResolvers<Buffer>();
    const port = await serverThat((_, bytes) => ping.resolve(bytes));
    const { said, times, looks } = await opened(port);
    times(2);
    // A ping without a word, masked.
    expect([...(await ping.promise).subarray(0, 2)]).toEqual([0x89, 0x80]);
    times(1);
    expect(said.closed).toBeNull();
    times(1);
    expect([said.closed, looks()]).toEqual([1006, false]);
  });

  test("keeps one that answers pings, and says nothing else", async () => {
    // An empty message behind the answer, so that it is known that both came.
    const answers = Buffer.of(0x8a, 0, 0x82, 0);
    const port = await serverThat((socket) => void socket.write(answers));
    const { said, times } = await opened(port);
    times(2);
    await said.message.promise;
    times(3);
    expect(said.closed).toBeNull();
  });
});
