// Clients have as many connections to a cache as its node file says, all together and each alone; idle ones
// make room, what is under way goes on, and descriptors are left for everything else (H17).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { openClientSockets } from "../../src/edge/client-sockets.ts";
import { Program, until } from "../lab/process.ts";
import {
  childOf,
  HOSTNAME,
  PORTS,
  smallNetwork,
  smallNode,
  upArgs,
  ZONE,
} from "../lab/small-network.ts";
import { Api, Folder, loopback, ROOT, turnpikeCommand } from "../lab/turnpike.ts";
import { Stage, snapshotOf, startOrigin } from "./edge-stage.ts";

/** Who is to wait says what opens its connection again after a second, three and seven. */
const PATIENCE = { withinMs: 40_000 };

interface To {
  readonly host: string;
  readonly port: number;
  readonly secure?: boolean;
  readonly from?: string;
}

function bodyOf(path: string): string {
  return `${path} whole\n`;
}

/** A connection of HTTP/1.1 that is kept. */
class Client {
  isIn = false;
  isClosed = false;
  /** Of the last answer. */
  said = "";
  readonly #socket: Socket;
  readonly #host: string;

  constructor({ host, port, secure, from }: To, name: string) {
    this.#host = name;
    const localAddress = from === undefined ? {} : { localAddress: from };
    const came = () => {
      this.isIn = true;
    };
    this.#socket =
      secure === true
        ? connectTls({ host, port, servername: name, rejectUnauthorized: false }, came)
        : connect({ host, port, ...localAddress }, came);
    this.#socket.on("data", (bytes) => {
      this.said += bytes.toString("latin1");
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.isClosed = true;
    });
  }

  ask(path: string): void {
    this.said = "";
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
  }

  /** Comes in and asks; true when it was answered whole. */
  async get(path: string): Promise<boolean> {
    await this.comes();
    this.ask(path);
    return this.gets(path);
  }

  comes(): Promise<void> {
    return until(() => this.isIn, { what: "a client to come in", ...PATIENCE });
  }

  async gets(path: string): Promise<boolean> {
    const whole = () => this.said.includes(bodyOf(path));
    await until(() => whole() || this.isClosed, { what: "an answer", ...PATIENCE });
    return whole();
  }

  leave(): void {
    this.#socket.destroy();
  }
}

/** Of a cache's metrics, by name and labels. */
function shown(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`turnpike_edge_${name} `));
  return Number(line?.split(" ")[1]);
}

describe("of one cache", () => {
  const NET = "127.93.2";
  const MAX = 32;
  const PER_CLIENT = 10;
  const KEPT = { "cache-control": "max-age=600" };
  let gate = Promise.withResolvers<void>();
  const origin = startOrigin(`${NET}.1`, 0, ({ url }) => {
    const { pathname } = new URL(url);
    const whole = bodyOf(pathname);
    if (!pathname.startsWith("/slow")) return new Response(whole, { headers: KEPT });
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(Buffer.from("begun\n"));
        await gate.promise;
        controller.enqueue(Buffer.from(whole));
        controller.close();
      },
    });
    return new Response(body, { headers: { "cache-control": "no-store" } });
  });
  const clients: Client[] = [];
  let stage: Stage;

  beforeAll(async () => {
    const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
    const site = { hostname: HOSTNAME, customer: "shop", port: origin.port, origins };
    stage = new Stage(snapshotOf([{ ...site, front: "caches" as const }]), `${NET}.9`);
    const exempt = [`${NET}.7/32`, "127.0.0.1/32"];
    await stage.start({
      tls: selfSigned([HOSTNAME], new Date()),
      connections: { max: MAX, perClient: PER_CLIENT, exempt, among: 1 },
    });
  });
  afterAll(async () => {
    for (const client of clients) client.leave();
    await stage.stop();
    await origin.stop();
  });

  function come(o: Omit<To, "host" | "port"> = {}): Client {
    const port = o.secure === true ? stage.edge.httpsPort! : stage.edge.httpPort;
    const client = new Client({ host: stage.address, port, ...o }, HOSTNAME);
    clients.push(client);
    return client;
  }
  const figure = (name: string) => shown(stage.edge.metrics(), name);
  const under = (path: string) => origin.log.filter((one) => one.path === path).length;

  async function allLeave(): Promise<void> {
    for (const client of clients.splice(0)) client.leave();
    await until(() => figure("connections") === 0, { what: "all to have left", ...PATIENCE });
  }

  for (const secure of [false, true]) {
    const how = secure ? "HTTPS" : "HTTP";
    test(`over ${how} idle connections make room for new ones, and what is under way goes on`, async () => {
      gate = Promise.withResolvers();
      const path = `/slow-${how}`;
      const slow = come({ secure });
      await slow.comes();
      slow.ask(path);
      await until(() => under(path) === 1, { what: "it to be under way" });
      const before = figure('connections_closed_total{reason="full"}');
      // More than may be: each is answered, though nobody leaves.
      for (let n = 0; n < MAX + 6; n++) expect(await come({ secure }).get("/small")).toBe(true);
      const figures = () => [
        figure("connections"),
        figure('connections_closed_total{reason="full"}'),
      ];
      await until(() => figures()[0]! < MAX, { what: "room to be made", ...PATIENCE });
      expect(figures()[1]).toBeGreaterThan(before);
      gate.resolve();
      expect(await slow.gets(path)).toBe(true);
      await allLeave();
    }, 120_000);
  }

  test("one client's wait where all of its own are under way, nobody else's, and come in then", async () => {
    gate = Promise.withResolvers();
    const own = Array.from({ length: PER_CLIENT }, () => come({ from: `${NET}.5` }));
    for (const [n, client] of own.entries()) {
      await client.comes();
      client.ask(`/slow-${n}`);
    }
    const pauses = () => figure('connection_pauses_total{reason="client"}');
    await until(() => pauses() === 1, { what: "it to have as many as it may", ...PATIENCE });
    const late = come({ from: `${NET}.5` });
    expect(await come({ from: `${NET}.6` }).get("/small")).toBe(true);
    for (let n = 0; n < PER_CLIENT + 2; n++) {
      expect(await come({ from: `${NET}.7` }).get("/small")).toBe(true);
    }
    expect([late.isIn, own.some(({ isClosed }) => isClosed)]).toEqual([false, false]);
    gate.resolve();
    for (const [n, client] of own.entries()) expect(await client.gets(`/slow-${n}`)).toBe(true);
    expect(await late.get("/small")).toBe(true);
    await allLeave();
  }, 120_000);
});

/** Descriptors that a process of the node may open, a quarter of which is more than come in one go; this one may more. */
const FILES = Math.min(2_600, 2 * Math.floor((openClientSockets()?.descriptorsMax ?? 0) / 4));
const FLOOD = FILES + 200;
const EVERY = 100;

test("beside a flood of connections of one client, a cache asks web servers and serves others", async () => {
  const folder = new Folder();
  const at = loopback();
  const origin = Bun.serve({
    ...{ hostname: at(2), port: PORTS.origin },
    fetch: ({ url }) => new Response(bodyOf(new URL(url).pathname)),
  });
  const metrics = `${at(1)}:9353`;
  const small = smallNode({ address: at(1), data: folder.join("data") });
  const listen = { ...(small.listen as object), metrics };
  const node = { ...small, listen, connections: { exempt: [] } };
  const up = turnpikeCommand(...upArgs(folder, "node", node));
  const limited = ["sh", "-c", `ulimit -n ${FILES} && exec "$@"`, "sh", ...up];
  const running = new Program(limited, { name: "turnpike up", cwd: ROOT });
  const flood: Socket[] = [];
  const clients: Client[] = [];
  let isOver = false;
  try {
    await running.says("ready");
    const api = new Api(`http://${at(1)}:${PORTS.control}`);
    await api.signIn();
    const network = smallNetwork({ address: at(1), origins: [at(2)] });
    await api.must("POST", "/apply", { network });
    const come = () => {
      const to = { host: at(1), port: PORTS.http, from: at(6) };
      const client = new Client(to, `${HOSTNAME}.${ZONE}`);
      clients.push(client);
      return client;
    };
    await until(() => come().get("/served"), { what: "it to serve", ...PATIENCE });
    const opens = () => {
      const socket = connect({ host: at(1), port: PORTS.http, localAddress: at(5) });
      flood.push(socket);
      socket.on("error", () => {});
      // Whoever is closed comes again.
      socket.on("close", () => {
        flood.splice(flood.indexOf(socket), 1);
        if (!isOver) setTimeout(opens, EVERY);
      });
    };
    for (let n = 0; n < FLOOD; n++) {
      opens();
      if (n % EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const pid = childOf(running.pid, folder.join("data"), "node");
    const open = () => readdirSync(`/proc/${pid}/fd`).length;
    const text = async () => (await fetch(`http://${metrics}/metrics`)).text();
    await until(async () => shown(await text(), 'connections_closed_total{reason="client"}') > 0, {
      ...{ what: "the flood to be cut down", ...PATIENCE },
    });
    await until(() => open() < FILES / 4, { what: "descriptors to be free", ...PATIENCE });
    for (let n = 0; n < 20; n++) expect(await come().get(`/${n}`)).toBe(true);
    expect(open()).toBeLessThan((FILES * 3) / 4);
    expect(shown(await text(), "connections_max")).toBe(FILES / 2);
  } finally {
    isOver = true;
    for (const one of [...flood]) one.destroy();
    for (const one of clients) one.leave();
    await running.stop();
    await origin.stop(true);
    folder.remove();
  }
}, 120_000);
