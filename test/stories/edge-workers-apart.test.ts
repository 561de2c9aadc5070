// A worker and its keeper that are not of one mind: the keeper hears of a site later, and clients leave.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { noUsage } from "../../src/model/usage.ts";
import { sendRaw } from "../lab/raw-http1.ts";
import { type Recorder, startRecorder } from "../lab/recorder.ts";
import { Stage, snapshotOf, until } from "./edge-stage.ts";

const NET = "127.81.50";
const SITE = "www.shop.example";
const OK = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 2\r\n\r\nok";
/** Fetches that one client network may leave behind. */
const LEFT_MOST = 64;

let origin: Recorder;
let stage: Stage;
/** Paths that begin with `/held` are not answered. */
const held: { path: string; socket: Socket }[] = [];

beforeAll(async () => {
  origin = await startRecorder(`${NET}.1`);
});
afterAll(() => origin.stop());
beforeEach(() => {
  held.length = 0;
  origin.clear();
  origin.reply = ({ target, method }, socket) => {
    if (target.startsWith("/held")) held.push({ path: target, socket });
    if (target.startsWith("/held")) return null;
    return { bytes: method === "HEAD" ? OK.replace("\r\n\r\nok", "\r\n\r\n") : OK };
  };
});
afterEach(() => stage.stop());

function snapshot(customer = "shop", number = 1) {
  const { address, port } = origin;
  const origins = [{ name: "o1", v4: address, port }];
  return snapshotOf([{ hostname: SITE, customer, port, front: "caches", origins }], number);
}

const get = (path: string, method = "GET") => stage.get(`http://${SITE}${path}`, {}, method);

describe("a worker that knows a site before its keeper does", () => {
  for (const [what, first] of [
    ["has no snapshot", () => null],
    ["does not have the site", () => snapshotOf([])],
    ["has it as another customer's", () => snapshot("before")],
  ] as const) {
    test(`serves it, and bills what its clients get; the keeper ${what}`, async () => {
      stage = await new Stage(snapshot(), `${NET}.9`).start({ apart: { keeper: first() } });
      let bytesOut = 0;
      for (const path of ["/a", "/a", "/b"]) {
        const said = await get(path);
        expect([said.status, said.text]).toEqual([200, "ok"]);
        bytesOut += said.body.length;
      }
      expect((await get("/a", "HEAD")).status).toBe(200);
      const usage = stage.usageOf("shop", SITE);
      // It keeps nothing of what it fetches by itself.
      const bytesIn = 3 * "ok".length;
      expect(usage).toEqual({ ...noUsage(), requests: 4, bytesOut, bytesIn });
      expect(stage.usageOf("before", SITE)).toEqual(noUsage());
      // What only the keeper can do waits for it.
      const posted = get("/a", "POST");
      for (let i = 0; i < 20; i++) await get("/.well-known/turnpike/health");
      expect(origin.requests.some(({ method }) => method === "POST")).toBe(false);
      stage.publishToKeeper(snapshot("shop", 2));
      expect((await posted).status).toBe(200);
      expect(origin.requests.filter(({ method }) => method === "POST").length).toBe(1);
      expect(usage.requests).toBe(5);
      // And from then on the keeper keeps it for all.
      expect((await get("/c")).status).toBe(200);
      expect((await get("/c")).headers.get("cache-status")).toContain("; hit");
      expect(usage).toMatchObject({ requests: 7, hits: 1, bytesOut: bytesOut + 6 });
    }, 30_000);
  }

  test("answers 502 in the end where only the keeper can do it, and bills that once", async () => {
    stage = await new Stage(snapshot(), `${NET}.9`).start({ apart: { keeper: null } });
    const said = await get("/a", "POST");
    expect(said.status).toBe(502);
    const { requests, bytesOut } = stage.usageOf("shop", SITE);
    expect([requests, bytesOut]).toEqual([1, said.body.length]);
    expect(origin.requests.length).toBe(0);
  }, 30_000);
});

/** A head of so many bytes. */
const padded = (line: string, bytes: number) => {
  const head = `${line}\r\nHost: ${SITE}\r\nX-Pad: `;
  return `${head}${"a".repeat(bytes - head.length - 4)}\r\n`;
};
/** A head of so many fields. */
const crowded = (line: string, fields: number) => {
  const more = Array.from({ length: fields - 1 }, (_, i) => `X-${i}: a\r\n`);
  return `${line}\r\nHost: ${SITE}\r\n${more.join("")}`;
};
const long = (n: number) => `/long/${"p".repeat(n - "/long/".length)}`;
/** As long as a listener takes, each without the empty line. */
const LONG_HEADS = {
  "an address of 8 KB": (method: string) => crowded(`${method} ${long(8_190)} HTTP/1.1`, 1),
  "16 KB": (method: string) => padded(`${method} /long HTTP/1.1`, 16_250),
  "197 fields": (method: string) => crowded(`${method} /long HTTP/1.1`, 197),
};
const BODIES = { none: 0, small: 5, large: 300_000 };

describe.each([
  ["of one process", false],
  ["of a keeper and a worker", true],
])("a cache %s", (_, isCrew) => {
  beforeEach(async () => {
    const apart = isCrew ? { apart: { keeper: snapshot() } } : {};
    stage = await new Stage(snapshot(), `${NET}.9`).start(apart);
  });

  /** Asks, and does not wait for the answer. */
  async function begin(path: string): Promise<Socket> {
    const socket = connect(stage.edge.httpPort, stage.address);
    socket.on("error", () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${SITE}\r\n\r\n`);
    await until(() => held.some((one) => one.path === path));
    return socket;
  }

  test("lets a client that only leaves leave so many fetches behind, and ask for no more (H15)", async () => {
    const clients = await Promise.all(
      Array.from({ length: LEFT_MOST }, (_, i) => begin(`/held/${i}`)),
    );
    for (const client of clients) client.destroy();
    let asked = 0;
    let status = 200;
    for (const end = performance.now() + 20_000; status === 200 && performance.now() < end; ) {
      status = (await get(`/quick/${asked++}`)).status;
    }
    expect(status).toBe(503);
    // Those left behind end as well as any, and others may have what came of them.
    const [first] = held;
    for (const { socket } of held) socket.write(OK);
    do status = (await get(`/quick/${asked++}`)).status;
    while (status === 503);
    expect(status).toBe(200);
    expect((await get(first!.path)).headers.get("cache-status")).toContain("; hit");
    expect(origin.requests.filter(({ target }) => target.startsWith("/held")).length).toBe(
      LEFT_MOST,
    );
  }, 40_000);

  test.each([
    ["an address", "/held/large"],
    ["an address of 8 KB", `/held/${"p".repeat(8_000)}`],
  ])(
    "breaks off at the web server what was for that client alone, by %s",
    async (_, path) => {
      const client = await begin(path);
      const { socket } = held[0]!;
      let isClosed = false;
      socket.on("close", () => {
        isClosed = true;
      });
      const came = new Promise<void>((resolve) => client.once("data", () => resolve()));
      socket.write(
        "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 100000000\r\n\r\n",
      );
      socket.write(Buffer.alloc(500_000));
      await came;
      client.destroy();
      await until(() => isClosed, 20_000);
    },
    40_000,
  );

  test("bills a request whose client left once", async () => {
    const client = await begin("/held/one");
    client.destroy();
    const usage = stage.usageOf("shop", SITE);
    held[0]!.socket.write(OK);
    await until(() => usage.requests === 1 && usage.bytesIn === 2, 20_000);
    expect((await get("/held/one")).headers.get("cache-status")).toContain("; hit");
    expect(usage).toMatchObject({ requests: 2, hits: 1 });
  }, 40_000);

  const at = () => ({ address: stage.address, port: stage.edge.httpPort });
  const whole = (text: string) => text.endsWith("\r\n\r\nok");

  for (const [what, head] of Object.entries(LONG_HEADS)) {
    test(`keeps what is asked for by a head of ${what}, and sends all else on with its body`, async () => {
      for (let i = 0; i < 2; i++) {
        const { statuses, text } = await sendRaw(at(), [`${head("GET")}\r\n`], { enough: whole });
        expect(statuses).toEqual([200]);
        expect(text).toContain(i === 0 ? "; stored" : "; hit");
      }
      expect(origin.requests.length).toBe(1);
      const ends = (text: string) => text.endsWith("\r\n\r\n");
      const askHead = async () => {
        const said = await sendRaw(at(), [`${head("HEAD")}\r\n`], { enough: ends });
        expect(said.statuses).toEqual([200]);
        expect(said.text).toMatch(/^content-length: 2\r$/im);
        return said.text;
      };
      expect(await askHead()).toContain("; hit");
      expect(origin.requests.length).toBe(1);
      // And that says that what is held is as new as ever (RFC 9111 4.3.5).
      stage.clock.advance(601_000);
      expect(await askHead()).toContain("; fwd=stale");
      const { text } = await sendRaw(at(), [`${head("GET")}\r\n`], { enough: whole });
      expect(text).toContain("; hit");
      expect(origin.requests.map((one) => one.method)).toEqual(["GET", "HEAD"]);
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        for (const bytes of Object.values(BODIES)) {
          const body = Buffer.alloc(bytes, "0123456789abcdef");
          const length = bytes === 0 ? "\r\n" : `Content-Length: ${bytes}\r\n\r\n`;
          origin.clear();
          const said = await sendRaw(at(), [head(method) + length, body], { enough: whole });
          expect(said.statuses).toEqual([200]);
          expect(origin.requests.map((one) => one.method)).toEqual([method]);
          const [got] = origin.requests;
          expect(got!.body.equals(body)).toBe(true);
          expect(got!.fields.some(([name]) => name.startsWith("turnpike-"))).toBe(false);
          expect(origin.malformed).toEqual([]);
        }
      }
      const bodies = 3 + 5 * Object.keys(BODIES).length;
      const [requests, bytesOut] = [2 + bodies, bodies * "ok".length];
      expect(stage.usageOf("shop", SITE)).toMatchObject({ requests, hits: 3, bytesOut });
    }, 60_000);
  }

  test.each([
    ["with a length", "Content-Length: 7000\r\n", ["7000"]],
    ["without one", "", []],
    ["with a field of ours", "Turnpike-Length: 7\r\n", []],
  ])(
    "asks a web server for the head of what is not held by a long one, %s",
    async (_, field, lengths) => {
      const bytes = `HTTP/1.1 404 Not Found\r\nX-Own: a\r\n${field}\r\n`;
      for (const [what, head] of Object.entries(LONG_HEADS)) {
        origin.clear();
        origin.reply = () => ({ bytes });
        const said = await sendRaw(at(), [`${head("HEAD")}\r\n`], {
          enough: (text) => text.endsWith("\r\n\r\n"),
        });
        expect([what, said.statuses]).toEqual([what, [404]]);
        expect(said.text).toMatch(/^x-own: a\r$/im);
        const told = [...said.text.matchAll(/^content-length: (.*)\r$/gim)].map(([, n]) => n);
        expect(told).toEqual(lengths);
        expect(origin.requests.map((one) => one.method)).toEqual(["HEAD"]);
        expect(origin.malformed).toEqual([]);
      }
      const requests = Object.keys(LONG_HEADS).length;
      expect(stage.usageOf("shop", SITE)).toMatchObject({ requests, hits: 0, bytesOut: 0 });
    },
    30_000,
  );

  test("sends an answer on whose head is as long as a web server's may be, and asks once for it", async () => {
    for (const method of ["GET", "HEAD", "POST"]) {
      origin.clear();
      const head = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\nX-Long: ";
      const bytes = `${head.padEnd(65_500, "a")}\r\n\r\n${method === "HEAD" ? "" : "ok"}`;
      origin.reply = () => ({ bytes });
      const said = await sendRaw(at(), [crowded(`${method} /a HTTP/1.1`, 1), "\r\n"], {
        enough: (text) => text.includes("\r\n\r\n"),
      });
      expect([method, said.statuses]).toEqual([method, [200]]);
      expect(said.text).toContain("a".repeat(65_000));
      expect(origin.requests.map((one) => one.method)).toEqual([method]);
    }
  }, 30_000);

  test("breaks off what its web server breaks off, and does not ask for it again and again", async () => {
    const head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5000000\r\n\r\n";
    origin.reply = (_, socket) => {
      socket.write(head);
      socket.write(Buffer.alloc(2_000_000, "x"), () => socket.resetAndDestroy());
      return null;
    };
    const said = await get("/large").then(
      (reply) => reply.body.length,
      () => "broken",
    );
    expect(said).toBe("broken");
    // Of the keeper twice and by the worker itself, each once more where a kept connection ends.
    expect(origin.requests.length).toBeLessThan(7);
  }, 30_000);

  test("sends a body of unknown length on by a long head, and none that breaks off", async () => {
    const chunked = `${LONG_HEADS["16 KB"]("POST")}Transfer-Encoding: chunked\r\n\r\n`;
    const body = Buffer.alloc(200_000, "x");
    const chunk = [`${chunked}${body.length.toString(16)}\r\n`, body];
    const said = await sendRaw(at(), [...chunk, "\r\n0\r\n\r\n"], { enough: whole });
    expect(said.statuses).toEqual([200]);
    expect(origin.requests.map((one) => one.body.equals(body))).toEqual([true]);
    origin.clear();
    const hears = Promise.withResolvers<void>();
    origin.onBytes = () => hears.resolve();
    const broken = await sendRaw(at(), chunk, { later: hears.promise.then(() => "\nz") });
    await until(() => origin.malformed.length > 0);
    expect([broken.statuses, origin.requests]).toEqual([[400], []]);
  }, 30_000);

  test("refuses heads that are longer, and no web server hears of any", async () => {
    for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
      for (const [status, head] of [
        [414, crowded(`${method} ${long(8_200)} HTTP/1.1`, 1)],
        [431, padded(`${method} /long HTTP/1.1`, 17_000)],
        [431, crowded(`${method} /long HTTP/1.1`, 210)],
      ] as const) {
        const said = await sendRaw(at(), [`${head}\r\n`], {
          enough: (text) => text.includes("\r\n\r\n"),
        });
        // What the runtime refuses it may not read: then the connection's end can be there before its answer.
        const right = status === 431 ? [[431], []] : [[status]];
        expect(right).toContainEqual([...said.statuses]);
      }
    }
    expect(origin.requests).toEqual([]);
  }, 30_000);
});
