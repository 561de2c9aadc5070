// A cache that is told to end while it is busy fails none of its clients: those that keep a connection
// are told to leave it, what is under way is finished, and WebSockets are closed in order.
import { afterEach, expect, test } from "bun:test";
import { Agent, request } from "node:http";
import { connect } from "node:http2";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { type Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

const HTTPS_PORT = 8443;
const LARGE_BYTES = 12_000_000;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A node that serves a site, with an origin whose slow answers wait until they are let go. */
async function busyNode() {
  const folder = new Folder();
  const at = loopback();
  const slow = Promise.withResolvers<void>();
  let waiting = 0;
  const origin = Bun.serve({
    ...{ hostname: at(2), port: PORTS.origin },
    websocket: { message: (socket, text) => void socket.send(text) },
    async fetch(asked, server) {
      const { pathname } = new URL(asked.url);
      if (pathname === "/socket" && server.upgrade(asked)) return undefined;
      if (pathname === "/slow") {
        waiting++;
        await slow.promise;
      }
      const bytes = pathname === "/large" ? LARGE_BYTES : 1_000;
      return new Response("x".repeat(bytes), { headers: { "cache-control": "max-age=600" } });
    },
  });
  ends.push(() => origin.stop(true));
  const { cert, key } = selfSigned([HOSTNAME], new Date());
  const small = smallNode({ address: at(1), data: folder.join("data") });
  const running = startTurnpike(
    upArgs(folder, "node", {
      ...small,
      listen: { ...(small.listen as object), https: `${at(1)}:${HTTPS_PORT}` },
      tls: { cert: folder.file("cert.pem", cert), key: folder.file("key.pem", key) },
      finishSec: 60,
    }),
  );
  ends.push(async () => {
    await running.kill();
    folder.remove();
  });
  await running.says("ready");
  const api = new Api(`http://${at(1)}:${PORTS.control}`);
  await api.signIn();
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  const [customer] = network.customers as { sites: Record<string, unknown>[] }[];
  Object.assign(customer!.sites[0]!, { front: "caches", fetch: { webSockets: true } });
  await api.must("POST", "/apply", { network });
  const clients = new Clients(at(1));
  const served = async () => (await clients.get("/hit")).said === "200 whole";
  await until(served, { what: "the cache to serve", withinMs: 30_000 });
  return { running, clients, letGo: slow.resolve, waiting: () => waiting };
}

/** What became of one request: its status and whether its body came whole, or how it failed. */
interface Said {
  readonly said: string;
  readonly closes: boolean;
  readonly connected: boolean;
}

class Clients {
  readonly host: string;
  isOver = false;
  /** Of requests that had a connection, what they came to. */
  readonly tally = new Map<string, number>();
  told = 0;

  constructor(host: string) {
    this.host = host;
  }

  get(path: string, o: { agent?: Agent; pace?: () => Promise<void> } = {}): Promise<Said> {
    const { promise, resolve } = Promise.withResolvers<Said>();
    const asking = request({
      ...{ host: this.host, port: PORTS.http, path, agent: o.agent ?? false },
      headers: { host: `${HOSTNAME}:${PORTS.http}` },
    });
    let answered = false;
    const over = (said: string, closes = false) => {
      // A new connection that nobody has taken yet ends with the listener, as if it were refused.
      resolve({ said, closes, connected: asking.reusedSocket || answered });
    };
    asking.on("error", (fault: Error & { code?: string }) => over(`failed ${fault.code}`));
    asking.on("response", async (response) => {
      answered = true;
      let bytes = 0;
      try {
        for await (const part of response) {
          bytes += (part as Buffer).length;
          await o.pace?.();
        }
      } catch {
        return over("body broke off");
      }
      const whole = bytes === (path === "/large" ? LARGE_BYTES : 1_000);
      over(
        `${response.statusCode} ${whole ? "whole" : "short"}`,
        response.headers.connection === "close",
      );
    });
    asking.end();
    return promise;
  }

  #count(said: string): void {
    this.tally.set(said, (this.tally.get(said) ?? 0) + 1);
  }

  /** Asks again and again over kept connections, until no new one can be made. */
  async keepAsking(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.isOver) {
      const { said, connected, closes } = await this.get("/hit", { agent });
      if (closes) this.told++;
      if (!connected) break;
      this.#count(`h1 ${said}`);
    }
    agent.destroy();
  }

  /** The same over one connection of HTTP/2, until it is told to leave it. */
  async keepAsking2(): Promise<void> {
    const session = connect(`https://${this.host}:${HTTPS_PORT}`, { rejectUnauthorized: false });
    const gone = Promise.withResolvers<void>();
    let leaves = false;
    session.on("goaway", () => {
      leaves = true;
    });
    session.on("error", () => this.#count("h2 connection failed"));
    session.on("close", () => gone.resolve());
    while (!this.isOver && !leaves && !session.closed && !session.destroyed) {
      this.#count(`h2 ${await this.#get2(session)}`);
    }
    if (leaves) this.told++;
    session.close();
    await gone.promise;
  }

  #get2(session: ReturnType<typeof connect>): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const stream = session.request({ ":path": "/hit", ":authority": HOSTNAME });
    let [bytes, status] = [0, 0];
    stream.on("response", (head) => {
      status = head[":status"] ?? 0;
    });
    stream.on("data", (part: Buffer) => {
      bytes += part.length;
    });
    // GOAWAY says that it was not processed: every client asks again, elsewhere (RFC 9113 8.7).
    const unprocessed = new Set(["ERR_HTTP2_GOAWAY_SESSION", "ERR_HTTP2_INVALID_SESSION"]);
    stream.on("error", (fault: Error & { code?: string }) => {
      const { code = "" } = fault;
      const refused = unprocessed.has(code) || stream.rstCode === 7;
      resolve(refused && status === 0 ? "not processed" : `failed ${code}`);
    });
    stream.on("end", () => resolve(`${status} ${bytes === 1_000 ? "whole" : "short"}`));
    stream.end();
    return promise;
  }
}

async function exitOf(running: Program): Promise<number | null> {
  running.signal("SIGTERM");
  return running.ended();
}

test("SIGTERM under load: no request of HTTP/1.1 or HTTP/2 fails, downloads and slow answers come whole", async () => {
  const { running, clients, letGo, waiting } = await busyNode();
  const reading = Promise.withResolvers<void>();
  let read = 0;
  const paced = clients.get("/large", {
    pace: () => (++read === 1 ? reading.promise : Promise.resolve()),
  });
  const slow = clients.get("/slow");
  const socket = new WebSocket(`ws://${clients.host}:${PORTS.http}/socket`, {
    headers: { host: `${HOSTNAME}:${PORTS.http}` },
  } as never);
  const closed = new Promise<number>((resolve) => {
    socket.onclose = ({ code }) => resolve(code);
  });
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const loops = [
    ...Array.from({ length: 12 }, () => clients.keepAsking()),
    ...Array.from({ length: 4 }, () => clients.keepAsking2()),
  ];
  const asked = (by: string) => clients.tally.get(`${by} 200 whole`) ?? 0;
  await until(() => asked("h1") > 100 && asked("h2") > 40 && waiting() === 1 && read === 1, {
    ...{ what: "all clients to be at it", withinMs: 30_000 },
  });
  const exit = exitOf(running);
  expect(await closed).toBe(1001);
  // Twelve over HTTP/1.1 are told in their answers, four over HTTP/2 by GOAWAY.
  await Promise.all(loops);
  reading.resolve();
  letGo();
  expect((await paced).said).toBe("200 whole");
  expect((await slow).said).toBe("200 whole");
  expect(await exit).toBe(0);
  const failed = [...clients.tally.keys()].filter((said) =>
    /failed|short|broke|[45]\d\d/.test(said),
  );
  expect([failed, clients.told >= 16]).toEqual([[], true]);
}, 90_000);

test("a second SIGTERM waits for nothing, and leaves nothing behind", async () => {
  const { running, clients, letGo, waiting } = await busyNode();
  const slow = clients.get("/slow");
  await until(() => waiting() === 1, { what: "a request to be under way" });
  running.signal("SIGTERM");
  await until(async () => !(await clients.get("/hit")).connected, {
    ...{ what: "new connections to be refused", withinMs: 30_000 },
  });
  // One that follows the first too fast is the same wish (src/cli/ending.ts).
  const ended = async () => {
    running.signal("SIGTERM");
    return !running.running;
  };
  await until(ended, { what: "a later one to be heard", withinMs: 30_000, everyMs: 100 });
  expect(await running.ended()).toBe(130);
  expect((await slow).said).toMatch(/failed|broke/);
  letGo();
}, 90_000);
