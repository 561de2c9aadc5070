import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type IncomingMessage, request } from "node:http";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";

const SHOP = "www.shop.example";
const SIZE = 24_000_000;
const CHUNK = 120_000;
/** Of what begins with `/huge`; it is never whole anywhere. */
const HUGE = 1_024_000_000;

/** An origin of large objects that counts what was taken from it. */
let origin: StageOrigin;
let taken = 0;
let left = 0;
let stage: Stage;

beforeAll(async () => {
  origin = startOrigin("127.88.0.1", 0, (request) => {
    let sent = 0;
    const { pathname } = new URL(request.url);
    const size = pathname.startsWith("/huge") ? HUGE : pathname === "/kinds" ? 10 * CHUNK : SIZE;
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (sent >= size) return controller.close();
          controller.enqueue(new Uint8Array(CHUNK).fill((sent / CHUNK) & 255));
          sent += CHUNK;
          taken += CHUNK;
        },
        cancel() {
          left++;
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { "cache-control": "max-age=60", etag: '"1"' };
    if (pathname !== "/kinds") return new Response(body, { headers });
    const kind = request.headers.get("x-kind") ?? "";
    return new Response(body, { headers: { ...headers, vary: "x-kind", "x-kind": kind } });
  });
  const { port } = origin;
  const origins = [{ name: "o1", v4: origin.address, port }];
  stage = new Stage(
    snapshotOf([{ customer: "shop", hostname: SHOP, port, front: "caches", origins }]),
    "127.88.9.1",
  );
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.log.length = 0;
  taken = 0;
  left = 0;
});

/** Asks, reads the head, and leaves the body to the caller. */
function begin(path: string, fields: Record<string, string> = {}): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { host: `${SHOP}.${ZONE}`, ...fields };
  const at = { host: stage.address, port: stage.edge.httpPort, path, headers, agent: false };
  request(at, resolve).on("error", reject).end();
  return promise;
}

async function readAll(reply: IncomingMessage): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of reply) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

test("several clients of one large object read from one fetch, all the same bytes", async () => {
  const replies = await Promise.all(Array.from({ length: 6 }, () => begin("/film.mp4")));
  const hashes = await Promise.all(replies.map(readAll));
  expect(new Set(hashes).size).toBe(1);
  expect(origin.log.length).toBe(1);
});

test("the first client may leave: those who joined get the rest", async () => {
  const first = await begin("/leave.mp4");
  const joined = await begin("/leave.mp4");
  first.destroy();
  const whole = await readAll(joined);
  const reference = await readAll(await begin("/film.mp4"));
  expect([whole, origin.log.length]).toEqual([reference, 1]);
});

test("a client that stops reading stops the fetch: the origin is not run dry (back-pressure)", async () => {
  const reply = await begin("/slow.mp4");
  reply.pause();
  let before = -1;
  await until(() => {
    const same = before === taken && taken > 0;
    before = taken;
    return same;
  });
  expect(taken).toBeLessThan(SIZE);
  reply.destroy();
  await until(() => left === 1);
});

test("each of many variants of a large object is a hit once it is held (RFC 9111 4.1)", async () => {
  const ask = async (kind: string) => {
    const reply = await begin("/kinds", { host: SHOP, "x-kind": kind });
    await readAll(reply);
    expect([reply.statusCode, reply.headers["x-kind"]]).toEqual([200, kind]);
    return String(reply.headers["cache-status"]).includes("; hit");
  };
  const kinds = Array.from({ length: 16 }, (_, i) => `kind-${i}`);
  for (const kind of kinds) {
    // It is on disk a moment after its end.
    for (let tries = 0; tries < 100; tries++) if (await ask(kind)) break;
  }
  origin.log.length = 0;
  for (const kind of kinds) expect([kind, await ask(kind)]).toEqual([kind, true]);
  expect(origin.log.length).toBe(0);
});

test("one byte of a gigabyte costs an origin that knows no ranges what is on its way when its client leaves (H12)", async () => {
  for (const [i, range] of ["bytes=0-0", "bytes=-1", `bytes=${HUGE - 1}-`].entries()) {
    taken = 0;
    const reply = await begin(`/huge-${i}.mp4`, { range });
    expect([200, 206]).toContain(reply.statusCode!);
    reply.destroy();
    await until(() => left === i + 1);
    // Some 7 MB: what sockets hold, twice, and what is read ahead here.
    expect(taken).toBeLessThan(HUGE / 20);
  }
});
