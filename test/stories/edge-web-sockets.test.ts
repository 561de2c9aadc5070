// A site in front of which caches stand has WebSockets: they go through to its least-loaded server, and
// end when either side does, when nobody reads, or when the site has them no more.
import { afterEach, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { sendRaw } from "../lab/raw-http1.ts";
import { Stage, type StageSite, snapshotOf, until } from "./edge-stage.ts";

const SHOP = "www.shop.example";
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Seen {
  readonly url: string;
  readonly headers: Headers;
}

const PLAIN = { headers: { "cache-control": "max-age=60" } };

/** Answers each message with the same; what it is sent beside that, it notes. */
function echo(address: string, tls?: { readonly cert: string; readonly key: string }) {
  const seen: Seen[] = [];
  const closed: (readonly [number, string])[] = [];
  const open = new Set<Bun.ServerWebSocket<undefined>>();
  const server = Bun.serve({
    hostname: address,
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    fetch(request, own) {
      seen.push({ url: request.url, headers: request.headers });
      if (request.url.endsWith("/refused")) return new Response("no", { status: 403 });
      const named = request.headers.get("sec-websocket-protocol");
      const headers: Record<string, string> =
        named === null ? {} : { "sec-websocket-protocol": named.split(",")[0]! };
      return own.upgrade(request, { headers }) ? undefined : new Response("plain", PLAIN);
    },
    websocket: {
      backpressureLimit: 256 * 1024 * 1024,
      open(ws) {
        open.add(ws);
        ws.send("welcome");
      },
      message: (ws, message) => void ws.send(message),
      close(ws, code, reason) {
        open.delete(ws);
        closed.push([code, reason]);
      },
    },
  });
  ends.push(() => server.stop(true));
  return { address, port: server.port!, seen, closed, open };
}

function siteOf(servers: readonly { address: string; port: number }[], more = {}): StageSite {
  const origins = servers.map(({ address, port }, i) => ({ name: `o${i}`, v4: address, port }));
  const fetch = { webSockets: true };
  const { port } = servers[0]!;
  return { hostname: SHOP, customer: "shop", front: "caches", port, origins, fetch, ...more };
}

async function staged(host: string, site: StageSite) {
  const stage = await new Stage(snapshotOf([site]), `${host}.9`).start();
  ends.push(() => stage.stop());
  return stage;
}

type Client = WebSocket & { readonly got: (string | Buffer)[]; over: CloseEvent | null };

function dial(stage: Stage, path: string, fields: Record<string, string> = {}): Client {
  const url = `ws://${stage.address}:${stage.edge.httpPort}${path}`;
  const options = { headers: { host: SHOP, ...fields } } as unknown as string[];
  const client = Object.assign(new WebSocket(url, options), { got: [], over: null }) as Client;
  client.binaryType = "nodebuffer" as BinaryType;
  client.onmessage = ({ data }) => void client.got.push(data as string);
  client.onclose = (event) => {
    client.over = event;
  };
  client.onerror = () => {};
  ends.push(() => client.close());
  return client;
}

test("messages, protocol, fields and the closing go through both ways", async () => {
  const server = echo("127.101.41.1");
  const stage = await staged("127.101.41", siteOf([server]));
  const client = dial(stage, "/chat?room=1", {
    "sec-websocket-protocol": "chat, other",
    cookie: "a=b",
    origin: "https://www.shop.example",
    "x-real-ip": "203.0.113.1",
  });
  await until(() => client.got.length === 1);
  client.send("text");
  client.send(new Uint8Array([1, 2, 3]));
  await until(() => client.got.length === 3);
  expect(client.got).toEqual(["welcome", "text", Buffer.from([1, 2, 3])]);
  expect(client.protocol).toBe("chat");
  const [{ url, headers } = { url: "", headers: new Headers() }] = server.seen;
  expect(new URL(url).pathname + new URL(url).search).toBe("/chat?room=1");
  expect(headers.get("host")).toBe(`${SHOP}:${server.port}`);
  expect(headers.get("cookie")).toBe("a=b");
  expect(headers.get("origin")).toBe("https://www.shop.example");
  expect(headers.get("x-real-ip")).toBeNull();
  expect(headers.get("x-forwarded-for")).toMatch(/^127\./);
  expect(headers.get("cdn-loop")).toContain("cdn.example");
  // Nothing is compressed on the way, so nobody can make a bomb of it (H14).
  expect(headers.get("sec-websocket-extensions")).toBeNull();
  client.close(4001, "bye");
  await until(() => server.closed.length === 1);
  expect(server.closed).toEqual([[4001, "bye"]]);
  const { requests, bytesIn, bytesOut } = stage.usageOf("shop", SHOP);
  expect({ requests, bytesIn, bytesOut }).toEqual({ requests: 1, bytesIn: 14, bytesOut: 14 });

  const second = dial(stage, "/again");
  await until(() => second.got.length === 1);
  for (const ws of server.open) ws.close(4002, "enough");
  await until(() => second.over !== null);
  expect([second.over?.code, second.over?.reason]).toEqual([4002, "enough"]);
  const { origins } = stage.edge.drainStats();
  expect(origins?.[`${SHOP}/o0`]?.open).toBe(0);
});

test("what is no handshake is refused before a server hears of it, over HTTP/1.1 as sent", async () => {
  const server = echo("127.101.47.1");
  const stage = await staged("127.101.47", siteOf([server]));
  const at = { address: stage.address, port: stage.edge.httpPort };
  const good = {
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  };
  const odd: readonly (readonly [string, Record<string, string | undefined>])[] = [
    ["no key", { "sec-websocket-key": undefined }],
    ["an empty key", { "sec-websocket-key": "" }],
    ["a key of 15 bytes", { "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAA" }],
    ["a key that is no base64", { "sec-websocket-key": "%%%%%%%%%%%%%%%%%%%%%%==" }],
    ["no version", { "sec-websocket-version": undefined }],
    ["another version", { "sec-websocket-version": "8" }],
    ["Connection says nothing of it", { connection: "keep-alive" }],
  ];
  const statuses: unknown[] = [];
  for (const [what, more] of [...odd, ["all right", {}] as const]) {
    const fields = Object.entries({ ...good, ...more }).filter(([, value]) => value !== undefined);
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const text = `GET /chat HTTP/1.1\r\nHost: ${SHOP}\r\nUpgrade: websocket\r\n${lines}\r\n`;
    const said = await sendRaw(at, [text], { enough: (got) => got.includes("\r\n\r\n") });
    statuses.push([what, said.statuses[0]]);
  }
  expect(statuses).toEqual([...odd.map(([what]) => [what, 400]), ["all right", 101]]);
  expect(server.seen.length).toBe(1);
});

test("one is opened at the address of a page that is held", async () => {
  const server = echo("127.66.41.1");
  const stage = await staged("127.66.41", siteOf([server]));
  for (let i = 0; i < 3; i++) {
    expect((await stage.get(`http://${SHOP}/page`)).text).toBe("plain");
  }
  const client = dial(stage, "/page");
  await until(() => client.got.length === 1);
  expect(client.got).toEqual(["welcome"]);
});

test("rules edit the answer that opens one, but not its handshake", async () => {
  const server = echo("127.85.41.1");
  const set = { "x-shop": "1", "sec-websocket-protocol": "other", "sec-websocket-accept": "AAAA" };
  const more = { rules: [{ name: "all", response: { set } }] };
  const stage = await staged("127.85.41", siteOf([server], more));
  const client = dial(stage, "/a", { "sec-websocket-protocol": "chat" });
  await until(() => client.got.length === 1);
  expect([client.got, client.protocol]).toEqual([["welcome"], "chat"]);
  const at = { address: stage.address, port: stage.edge.httpPort };
  const text =
    `GET /a HTTP/1.1\r\nHost: ${SHOP}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  const said = await sendRaw(at, [text], { enough: (got) => got.includes("\r\n\r\n") });
  expect(said.text).toContain("x-shop: 1\r\n");
  expect(said.text).not.toContain("sec-websocket-protocol");
});

test("a server that is gone is left for the next; where none takes it, the answer is 502", async () => {
  const gone = { address: "127.101.42.1", port: 1 };
  const server = echo("127.101.42.2");
  const stage = await staged("127.101.42", siteOf([gone, server], { port: server.port }));
  const client = dial(stage, "/a");
  await until(() => client.got.length === 1);
  const fields = { upgrade: "websocket", connection: "Upgrade", host: SHOP };
  const key = { "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", "sec-websocket-version": "13" };
  const refused = await fetch(`http://${stage.address}:${stage.edge.httpPort}/refused`, {
    headers: { ...fields, ...key },
  });
  expect(refused.status).toBe(502);
});

test("over TLS a server's certificate must be good for the site's name", async () => {
  for (const [name, host] of [
    [SHOP, "127.101.46"],
    ["www.other.example", "127.101.47"],
  ] as const) {
    const tls = selfSigned([name], new Date());
    const server = echo(`${host}.1`, tls);
    const more = { scheme: "https", fetch: { webSockets: true, ca: tls.cert } } as const;
    const stage = await staged(host, siteOf([server], more));
    const client = dial(stage, "/a");
    await until(() => client.got.length === 1 || client.over !== null);
    expect([name, client.got.length]).toEqual([name, name === SHOP ? 1 : 0]);
    expect(server.seen.length).toBe(name === SHOP ? 1 : 0);
  }
});

test("many messages of all sizes come in order and whole, over TLS to the server", async () => {
  const tls = selfSigned([SHOP], new Date());
  const server = echo("127.101.49.1", tls);
  const more = { scheme: "https", fetch: { webSockets: true, ca: tls.cert } } as const;
  const stage = await staged("127.101.49", siteOf([server], more));
  const client = dial(stage, "/a");
  await until(() => client.got.length === 1);
  const sent: (string | Buffer)[] = ["welcome"];
  // One after the other where they are large: who lets a MiB wait is let go.
  for (const bytes of [0, 1, 125, 126, 65_535, 65_536, 500_000, 1_048_576]) {
    const message = Buffer.alloc(bytes, `${bytes},`);
    sent.push(message);
    client.send(new Uint8Array(message));
    await until(() => client.got.length === sent.length, 20_000);
  }
  for (const text of ["", "é€😀".repeat(10_000), ...Array.from({ length: 2_000 }, String)]) {
    sent.push(text);
    client.send(text);
  }
  await until(() => client.got.length === sent.length, 20_000);
  expect(client.got.every((one, i) => Buffer.from(one).equals(Buffer.from(sent[i]!)))).toBe(true);
  expect(client.got.map((one) => typeof one)).toEqual(sent.map((one) => typeof one));
});

test("a site that does not ask for them, and a second address, have none", async () => {
  const server = echo("127.101.43.1");
  const without = siteOf([server], { fetch: {} });
  const stage = await staged("127.101.43", without);
  const client = dial(stage, "/a");
  await until(() => client.over !== null);
  expect(client.got).toEqual([]);
  stage.publish(snapshotOf([siteOf([server])], 2));
  const second = dial(stage, `/${SHOP}/a`, { host: "c.cdn.example" });
  await until(() => second.over !== null);
  expect(second.got).toEqual([]);
  expect(server.seen.length).toBeGreaterThan(0);
  expect(server.seen.some(({ headers }) => headers.has("upgrade"))).toBe(false);
});

test("they end when the site has them no more, and with the cache", async () => {
  const server = echo("127.101.44.1");
  const stage = await staged("127.101.44", siteOf([server]));
  const client = dial(stage, "/a");
  await until(() => client.got.length === 1);
  stage.publish(snapshotOf([siteOf([server])], 2));
  client.send("still");
  await until(() => client.got.length === 2);
  stage.publish(snapshotOf([siteOf([server], { fetch: {} })], 3));
  await until(() => client.over !== null && server.closed.length === 1);
  expect(client.over?.code).toBe(1001);
});

test("who does not read is let go, and what waited for it too", async () => {
  const server = echo("127.101.45.1");
  const stage = await staged("127.101.45", siteOf([server]));
  const socket = await Bun.connect({
    hostname: stage.address,
    port: stage.edge.httpPort,
    socket: { data: (own) => void own.pause(), open: () => {}, close: () => {}, error: () => {} },
  });
  ends.push(() => socket.terminate());
  socket.write(
    `GET /a HTTP/1.1\r\nHost: ${SHOP}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await until(() => server.open.size === 1);
  const [ws] = server.open;
  const part = new Uint8Array(65_536);
  for (let sent = 0; sent < 1_600 && server.open.size === 1; sent++) ws!.send(part);
  await until(() => server.open.size === 0);
  expect(stage.usageOf("shop", SHOP).bytesOut).toBeLessThan(1_600 * 65_536);
});
