// A worker and its keeper that are not of one mind: the keeper hears of a site later, and clients leave.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { noUsage } from "../../src/model/usage.ts";
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

test("a worker fetches by itself what makes too long a head for its keeper", async () => {
  stage = await new Stage(snapshot(), `${NET}.9`).start({ apart: { keeper: snapshot() } });
  // The keeper is told the path, and the address once more.
  const path = `/${"a".repeat(8_100)}`;
  expect((await get("/b", "POST")).status).toBe(200);
  expect([(await get(path)).status, (await get(path)).text]).toEqual([200, "ok"]);
  const bytesOut = 3 * "ok".length;
  expect(stage.usageOf("shop", SITE)).toMatchObject({ requests: 3, hits: 0, bytesOut });
}, 30_000);

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

  test("breaks off at the web server what was for that client alone", async () => {
    const client = await begin("/held/large");
    const { socket } = held[0]!;
    let isClosed = false;
    socket.on("close", () => {
      isClosed = true;
    });
    const came = new Promise<void>((resolve) => client.once("data", () => resolve()));
    socket.write("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 100000000\r\n\r\n");
    socket.write(Buffer.alloc(500_000));
    await came;
    client.destroy();
    await until(() => isClosed, 20_000);
  }, 40_000);

  test("bills a request whose client left once", async () => {
    const client = await begin("/held/one");
    client.destroy();
    const usage = stage.usageOf("shop", SITE);
    held[0]!.socket.write(OK);
    await until(() => usage.requests === 1 && usage.bytesIn === 2, 20_000);
    expect((await get("/held/one")).headers.get("cache-status")).toContain("; hit");
    expect(usage).toMatchObject({ requests: 2, hits: 1 });
  }, 40_000);
});
