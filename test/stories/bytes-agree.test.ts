// Of all answers that came to their end, the access log, the batches of usage and the ledger say the same
// bytes (threats B4), and so do the clients: ranges, HEAD, 304, compressed bodies, errors, large ones, WebSockets.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";
import { ask, type Reply } from "./edge-stage.ts";

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const file = folder.join("access.log");
/** All sites are there once this one is. */
const READY = "ready.example";
const OTHER = "www.news.example";
let running: Program | null = null;

const origin = Bun.serve({
  hostname: at(2),
  port: PORTS.origin,
  fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/socket" && server.upgrade(request, { data: undefined })) return undefined;
    if (pathname === "/missing") return new Response("nothing here", { status: 404 });
    if (pathname === "/broken") return new Response("it is broken", { status: 500 });
    const size = Number(searchParams.get("size") ?? 100);
    const type = pathname.endsWith(".txt") ? "text/plain" : "image/png";
    const store = pathname.startsWith("/own") ? "private" : "max-age=600";
    const headers = { "content-type": type, "cache-control": store, etag: `"${size}"` };
    return new Response("a line of words\n".repeat(size / 10).slice(0, size), { headers });
  },
  websocket: { message: (socket, said) => void socket.send(said) },
});

beforeAll(async () => {
  const node = smallNode({ address: at(1), data: folder.join("data") });
  running = startTurnpike(upArgs(folder, "node", { ...node, accessLog: { file } }));
  await running.says("ready");
  await api.signIn();
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  const [shop] = network.customers as { sites: Record<string, unknown>[] }[];
  const site = {
    ...shop!.sites[0],
    ...{ front: "caches", fetch: { webSockets: true, attempts: 1 } },
    rules: [{ name: "smaller", match: { path: ["*.txt"] }, compress: {} }],
  };
  const customers = [
    { ...shop, sites: [site] },
    { ...shop, name: "news", sites: [{ ...site, hostname: OTHER }] },
    { ...shop, name: "nobody", sites: [{ ...site, hostname: READY }] },
  ];
  await api.must("POST", "/apply", { network: { ...network, customers } });
  await until(async () => (await get(READY, "/first")).status === 200, {
    ...{ what: "the cache to serve", withinMs: 20_000, everyMs: 100 },
  });
}, 60_000);
afterAll(async () => {
  await running?.kill();
  await origin.stop(true);
  folder.remove();
});

const got = new Map<string, number>();

async function get(
  host: string,
  path: string,
  o: { readonly fields?: Record<string, string>; readonly method?: string } = {},
): Promise<Reply> {
  const { fields = {}, method = "GET" } = o;
  const reply = await ask({ address: at(1), port: PORTS.http }, `http://${host}${path}`, {
    ...{ fields, method },
  });
  add(host, reply.body.length);
  return reply;
}

function add(host: string, bytes: number): void {
  got.set(host, (got.get(host) ?? 0) + bytes);
}

/** Says some, hears it all again, and closes. */
async function talk(host: string): Promise<void> {
  const socket = new WebSocket(`ws://${at(1)}:${PORTS.http}/socket`, {
    headers: { host },
  } as unknown as string[]);
  const messages = ["a", "b".repeat(1_000), "c".repeat(400_000)];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let heard = 0;
  socket.onopen = () => {
    for (const message of messages) socket.send(message);
  };
  socket.onmessage = ({ data }) => {
    add(host, String(data).length);
    if (++heard === messages.length) socket.close();
  };
  socket.onclose = () => resolve();
  socket.onerror = () => reject(new Error("The socket broke"));
  await promise;
}

async function mixed(host: string, turn: number): Promise<void> {
  const text = `/text-${turn % 3}.txt?size=50000`;
  for (const path of [
    "/a.png",
    "/big.png?size=900000",
    "/huge.png?size=3000000",
    "/own?size=70000",
  ]) {
    await get(host, path);
  }
  await get(host, "/big.png?size=900000", { fields: { range: `bytes=${turn}-300000` } });
  await get(host, "/a.png", { fields: { range: "bytes=0-1,5-9" } });
  await get(host, `/part.png?size=2000000&n=${turn}`, {
    fields: { range: "bytes=1500000-1500099" },
  });
  await get(host, "/a.png", { method: "HEAD" });
  const same = await get(host, "/a.png", { fields: { "if-none-match": '"100"' } });
  expect([same.status, same.body.length]).toEqual([304, 0]);
  await get(host, text, { fields: { "accept-encoding": "br" } });
  await get(host, text, { fields: { "accept-encoding": "gzip" } });
  await get(host, text);
  expect((await get(host, `/missing?${turn}`)).status).toBe(404);
  expect((await get(host, "/broken")).status).toBe(500);
  await talk(host);
}

interface Line {
  readonly site: string | null;
  readonly bytes: number | null;
}

function logged(host: string): number {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const own = lines.map((line) => JSON.parse(line) as Line).filter(({ site }) => site === host);
  return own.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
}

async function billed(customer: string): Promise<number> {
  const rows = (await api.must("GET", `/customers/${customer}/usage`)) as { bytesOut: number }[];
  return rows.reduce((sum, { bytesOut }) => sum + bytesOut, 0);
}

test("what clients got, the access log says, and the ledger has, by customer and to the byte", async () => {
  for (let turn = 0; turn < 4; turn++) {
    await Promise.all([HOSTNAME, OTHER].map((host) => mixed(host, turn)));
  }
  for (const [customer, host] of [
    ["shop", HOSTNAME],
    ["news", OTHER],
  ] as const) {
    const bytes = got.get(host) ?? 0;
    expect(bytes).toBeGreaterThan(20_000_000);
    await until(async () => logged(host) >= bytes && (await billed(customer)) >= bytes, {
      ...{ what: "log and ledger to have all", withinMs: 40_000, everyMs: 200 },
    });
    expect([customer, logged(host), await billed(customer)]).toEqual([customer, bytes, bytes]);
  }
}, 120_000);
