import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/lab/process.ts";
import { openClientSockets } from "./client-sockets.ts";
import { type ClientNetwork, dropOpening } from "./opening-filter.ts";

const HOST = "127.93.7.1";
/** Who is kept out says it again after a second, three and seven. */
const PATIENCE = { withinMs: 40_000 };

/** Of this file alone: what other tests are given by the system may be the same at two addresses. */
let nextPort = 18_431;

const sockets = openClientSockets()!;
const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** A server, and how to keep others out of it. */
async function serverAt(hostname: string) {
  const server = Bun.serve({ hostname, port: nextPort++, fetch: () => new Response("ok") });
  ends.push(() => server.stop(true));
  const port = server.port!;
  const all = await sockets.list();
  const listeners = all.filter((fd) => sockets.look(fd, [port]) === "listener");
  expect(listeners.length).toBe(1);
  return { port, keepOut: (of: "everybody" | ClientNetwork[]) => sockets.keepOut(listeners, of) };
}

/** A client that connects from an address, and asks when told to. */
class Client {
  isIn = false;
  said = "";
  readonly #socket: Socket;

  constructor(host: string, port: number, localAddress?: string) {
    this.#socket = connect({ host, port, ...(localAddress && { localAddress }) });
    this.#socket.on("connect", () => {
      this.isIn = true;
    });
    this.#socket.on("data", (bytes) => {
      this.said += bytes.toString("latin1");
    });
    this.#socket.on("error", () => {});
    ends.push(() => this.#socket.destroy());
  }

  async asks(): Promise<string> {
    this.said = "";
    await until(() => this.isIn, { what: "a client to come in", ...PATIENCE });
    this.#socket.write("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    await until(() => this.said.endsWith("ok"), { what: "an answer", ...PATIENCE });
    return this.said.split("\r\n")[0]!;
  }
}

function v4(text: string): ClientNetwork {
  const octets = Uint8Array.from(text.split(".").map(Number));
  return { family: 4, high: new DataView(octets.buffer).getUint32(0), low: 0 };
}

const OK = "HTTP/1.1 200 OK";
const v6 = (high: number, low: number): ClientNetwork => ({ family: 6, high, low });

test("who is kept out waits, what is open goes on, others come, and who is let in again is served", async () => {
  const { port, keepOut } = await serverAt(HOST);
  const before = new Client(HOST, port, "127.93.7.2");
  expect(await before.asks()).toBe(OK);
  const many = Array.from({ length: 60 }, (_, i) => v4(`127.93.8.${i}`));
  expect(keepOut([...many, v4("127.93.7.2"), v6(0x7f5d_0703, 1)])).toBe(true);
  const waiting = new Client(HOST, port, "127.93.7.2");
  const other = new Client(HOST, port, "127.93.7.3");
  expect([await other.asks(), await before.asks()]).toEqual([OK, OK]);
  expect(waiting.isIn).toBe(false);
  // A socket has its listener's filter: it goes on, too.
  keepOut([]);
  expect([await waiting.asks(), await other.asks()]).toEqual([OK, OK]);
}, 90_000);

test("everybody is kept out of one listener, and nobody of the next", async () => {
  const [one, next] = [await serverAt(HOST), await serverAt(HOST)];
  const before = new Client(HOST, one.port);
  expect(await before.asks()).toBe(OK);
  expect(one.keepOut("everybody")).toBe(true);
  const waiting = new Client(HOST, one.port);
  expect(await new Client(HOST, next.port).asks()).toBe(OK);
  expect([await before.asks(), waiting.isIn]).toEqual([OK, false]);
  one.keepOut([]);
  expect(await waiting.asks()).toBe(OK);
}, 90_000);

test("of IPv6 by the /64, and of IPv4 in IPv6 by the address", async () => {
  const { port, keepOut } = await serverAt("::");
  keepOut([v6(0, 1), v6(1, 0), v4("127.93.7.2")]);
  expect(await new Client("::1", port).asks()).toBe(OK);
  expect(await new Client(HOST, port, "127.93.7.3").asks()).toBe(OK);
  keepOut([v6(0, 1), v6(0, 0), v4("127.93.7.2")]);
  const waiting = [new Client("::1", port), new Client(HOST, port, "127.93.7.2")];
  expect(await new Client(HOST, port, "127.93.7.3").asks()).toBe(OK);
  expect(waiting.map(({ isIn }) => isIn)).toEqual([false, false]);
  keepOut([]);
  for (const client of waiting) expect(await client.asks()).toBe(OK);
}, 90_000);

test("clients are known by their addresses, also as IPv4 in IPv6, and for how long they are quiet", async () => {
  const { port } = await serverAt("::");
  const clients = [new Client(HOST, port, "127.93.7.2"), new Client("::1", port)];
  for (const client of clients) await client.asks();
  const found = (await sockets.list()).flatMap((fd) => {
    const one = sockets.look(fd, [port]);
    return one === null || one === "listener" ? [] : [one];
  });
  expect(found.map(({ network }) => network)).toEqual(
    expect.arrayContaining([v4("127.93.7.2"), v6(0, 0)]),
  );
  expect(found.length).toBe(2);
  await until(() => found.every(({ fd }) => (sockets.quietMs(fd) ?? 0) >= 50), {
    what: "them to be quiet",
  });
  sockets.shut(found[0]!.fd);
  await until(() => sockets.look(found[0]!.fd, [port]) === null, { what: "it to be closed" });
});

test("a socket without a port is no client, whatever was looked at before it", async () => {
  const { port } = await serverAt(HOST);
  const folder = mkdtempSync(join(tmpdir(), "turnpike-sockets-"));
  const unix = join(folder, "s");
  const before = await sockets.list();
  const listener = before.find((fd) => sockets.look(fd, [port]) === "listener")!;
  const server = Bun.listen({ unix, socket: { data() {} } });
  const end = await Bun.connect({ unix, socket: { data() {} } });
  const others = (await sockets.list()).filter((fd) => !before.includes(fd));
  const seen = others.map((fd) => [sockets.look(listener, [port]), sockets.look(fd, [port])]);
  expect(others.length).toBeGreaterThan(0);
  expect(seen).toEqual(others.map(() => ["listener", null]));
  end.terminate();
  server.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

test("the lowest free descriptor is the next to be given", () => {
  const free = sockets.lowestFree();
  const given = openSync("/dev/null", "r");
  const next = sockets.lowestFree();
  closeSync(given);
  expect(given).toBe(free);
  expect(next).toBeGreaterThan(free);
  expect(next).toBeLessThan(sockets.descriptorsMax);
});

test("the longest filter has room in a jump of each step", () => {
  const steps = dropOpening(Array.from({ length: 64 }, (_, i) => v6(i, i)));
  expect(steps.length).toBeLessThan(4_096);
  expect(steps.every(([, , jt = 0, jf = 0]) => jt < 256 && jf < 256)).toBe(true);
});
