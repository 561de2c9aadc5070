// Who leaves before the end is not billed for what never came: large bodies are counted once they have
// arrived, and those that were broken off as far as their clients acknowledged them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ClientHttp2Session, connect as connect2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";

const SITE = "www.shop.example";
const HOST = `${SITE}.${ZONE}`;
const AT = "127.65.6.9";
const MiB = 1_048_576;
/** From memory, from a file, and block by block. */
const SIZES = { "/memory": 900_000, "/file": 12 * MiB, "/blocks": 24 * MiB } as const;
const MEANWHILE = 400_000;
/** Of what may be billed more than left: a block on its way. */
const SLACK = 262_144;
/** What a client's kernel may have taken that it did not read: a receive buffer, or windows of HTTP/2. */
const UNREAD = { tcp: 8 * MiB, http2: 131_072 } as const;

let stage: Stage;
const sessions: ClientHttp2Session[] = [];
let lines: { path: string; bytes: number; status: number }[] = [];

const origin = startOrigin("127.65.6.1", 0, (request) => {
  const path = new URL(request.url).pathname as keyof typeof SIZES;
  const headers = { "cache-control": "max-age=600", "content-type": "image/png" };
  return new Response(Buffer.alloc(SIZES[path] ?? MEANWHILE, "x"), { headers });
});

beforeAll(async () => {
  const shop = { hostname: SITE, customer: "shop", port: origin.port };
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  stage = new Stage(snapshotOf([{ ...shop, origins }]), AT);
  await stage.start({
    tls: selfSigned([HOST], new Date()),
    access: { format: "json", each: 1, add: (line) => lines.push(JSON.parse(line)) },
  });
  // Held, checked, and its own file handed over from then on.
  for (const path of Object.keys(SIZES)) {
    for (let i = 0; i < 3; i++) await stage.get(`http://${HOST}${path}`);
  }
  await until(() => lines.length === 9);
}, 60_000);
afterAll(async () => {
  if (process.env.TURNPIKE_SHOW !== undefined) {
    for (const one of figures) process.stdout.write(`${one.join("  ")}\n`);
  }
  for (const session of sessions) session.destroy();
  await stage.stop();
  await origin.stop();
});

const billed = () => stage.usageOf("shop", SITE).bytesOut;

/** How a client reads a little, stops, and leaves: what it had read. */
type Leave = (path: string, first?: () => Promise<void>) => Promise<{ readonly came: number }>;

const READ = 100_000;

/** By a reset. */
async function leaveOver1(path: string, secure: boolean, first?: () => Promise<void>) {
  const { httpPort, httpsPort } = stage.edge;
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket: Socket = secure
    ? connectTls({ host: AT, port: httpsPort ?? 0, servername: HOST, rejectUnauthorized: false })
    : connect(httpPort, AT);
  let came = 0;
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
  socket.on("data", (part) => {
    came += part.length;
    if (came < READ) return;
    socket.pause();
    resolve();
  });
  socket.on("error", () => {});
  await promise;
  await first?.();
  socket.resetAndDestroy();
  return { came };
}

/** The same of one stream, or of the connection that it is on. */
async function leaveOver2(path: string, whole: boolean, first?: () => Promise<void>) {
  const url = `https://${AT}:${stage.edge.httpsPort}`;
  const session = connect2(url, { servername: HOST, rejectUnauthorized: false });
  session.on("error", () => {});
  const { promise, resolve } = Promise.withResolvers<void>();
  const stream = session.request({ ":path": path, ":authority": HOST });
  let came = 0;
  stream.on("error", () => {});
  stream.on("data", (part: Buffer) => {
    came += part.length;
    if (came < READ) return;
    stream.pause();
    resolve();
  });
  await promise;
  await first?.();
  if (whole) session.destroy();
  else stream.close(8);
  sessions.push(session);
  return { came };
}

const WAYS: Readonly<Record<string, Leave>> = {
  "HTTP/1.1": (path, first) => leaveOver1(path, false, first),
  "HTTP/1.1 over TLS": (path, first) => leaveOver1(path, true, first),
  "HTTP/2, one stream": (path, first) => leaveOver2(path, false, first),
  "HTTP/2, the connection": (path, first) => leaveOver2(path, true, first),
};
const figures: (readonly [string, string, number, number, number])[] = [];

for (const [way, leave] of Object.entries(WAYS)) {
  describe(`over ${way}`, () => {
    for (const [path, size] of Object.entries(SIZES)) {
      test(`a client that leaves early in ${path} is billed no more than went out`, async () => {
        const before = billed();
        lines = [];
        const { came } = await leave(path);
        await until(() => lines.length === 1);
        const more = billed() - before;
        const unread = way.startsWith("HTTP/2") ? UNREAD.http2 : UNREAD.tcp;
        const most = came + unread + (path === "/blocks" ? SLACK : 0);
        figures.push([way, path, size, came, more]);
        expect(more).toBeLessThanOrEqual(Math.min(size, most));
        // The log says what the bill does.
        expect(lines[0]?.bytes).toBe(more);
      });

      test(`a client that stays for a while and leaves then is billed what it took of ${path}`, async () => {
        const before = billed();
        lines = [];
        // Whoever is counted whole meanwhile shows that the other was looked at; twice, for a kernel may be
        // 40 ms late with what it acknowledges.
        const { came } = await leave(path, async () => {
          for (const n of [1, 2]) {
            await stage.get(`http://${HOST}/meanwhile`);
            await until(() => lines.filter((line) => line.path === "/meanwhile").length === n);
          }
        });
        await until(() => lines.length === 3);
        const more = billed() - before - 2 * MEANWHILE;
        figures.push([`${way}, later`, path, size, came, more]);
        expect(more).toBeLessThanOrEqual(size);
        expect(more).toBeGreaterThanOrEqual(Math.floor(came * 0.99) - 4_096);
      });

      test(`a client that takes all of ${path} is billed all, once`, async () => {
        const before = billed();
        lines = [];
        const secure = way !== "HTTP/1.1";
        if (secure) await takeOver2(path, size);
        else expect((await stage.get(`http://${HOST}${path}`)).body.length).toBe(size);
        await until(() => lines.length === 1);
        expect([billed() - before, lines[0]?.bytes]).toEqual([size, size]);
      });
    }
  });
}

async function takeOver2(path: string, size: number): Promise<void> {
  const url = `https://${AT}:${stage.edge.httpsPort}`;
  const session = connect2(url, { servername: HOST, rejectUnauthorized: false });
  const stream = session.request({ ":path": path, ":authority": HOST });
  let came = 0;
  for await (const part of stream) came += (part as Buffer).length;
  expect(came).toBe(size);
  session.close();
}
