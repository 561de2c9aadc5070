import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ClientHttp2Session, connect } from "node:http2";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";

const SHOP = "www.shop.example";
let origin: StageOrigin;
let stage: Stage;
let session: ClientHttp2Session;

beforeAll(async () => {
  origin = startOrigin("127.82.0.1", 0, (request) => {
    const size = Number(new URL(request.url).searchParams.get("size") ?? 100);
    return new Response("x".repeat(size), { headers: { "cache-control": "max-age=60" } });
  });
  const { port } = origin;
  const origins = [{ name: "o1", v4: origin.address, port }];
  stage = new Stage(
    snapshotOf([{ customer: "shop", hostname: SHOP, port, origins }]),
    "127.82.9.1",
  );
  await stage.start({ tls: selfSigned([`c.${ZONE}`], new Date()) });
  const url = `https://${stage.address}:${stage.edge.httpsPort}`;
  session = connect(url, { rejectUnauthorized: false });
});

afterAll(async () => {
  session.destroy();
  await stage.stop();
  await origin.stop();
});

interface Reply {
  readonly fields: Record<string, unknown>;
  readonly body: Buffer;
}

function get(path: string, more: Record<string, string> = {}, leaveAfter = 0): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const stream = session.request({
    ":path": path,
    ":method": "GET",
    ":authority": `c.${ZONE}`,
    ...more,
  });
  let fields: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("response", (headers) => {
    fields = { ...headers };
  });
  const finish = () => resolve({ fields, body: Buffer.concat(chunks) });
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (leaveAfter === 0 || bytes < leaveAfter) return;
    stream.close(8);
    finish();
  });
  stream.on("end", finish);
  stream.on("error", reject);
  stream.end();
  return promise;
}

test("over HTTP/2 a miss is followed by hits with the same bytes and a length", async () => {
  const first = await get(`/${SHOP}/h2.png`);
  expect(first.fields[":status"]).toBe(200);
  expect(first.fields["cache-status"]).toContain("fwd=uri-miss");
  const replies = await Promise.all(Array.from({ length: 20 }, () => get(`/${SHOP}/h2.png`)));
  for (const reply of replies) {
    expect(reply.body.equals(first.body)).toBe(true);
    expect(reply.fields["cache-status"]).toContain("edge-1; hit");
    expect(reply.fields["content-length"]).toBe("100");
  }
  expect(origin.log.length).toBe(1);
});

test("over HTTP/2 the host of nobody here is refused with 421", async () => {
  const reply = await get("/x", { ":authority": "nobody.example" });
  expect(reply.fields[":status"]).toBe(421);
});

test("a client that leaves in the middle is billed what it got, within what was on its way", async () => {
  const size = 20_000_000;
  const usage = stage.usageOf("shop", SHOP);
  const before = usage.bytesOut;
  const reply = await get(`/${SHOP}/large.bin?size=${size}`, {}, 1_000_000);
  await until(() => usage.bytesOut > before);
  expect(usage.bytesOut - before).toBeGreaterThanOrEqual(reply.body.length);
  expect(usage.bytesOut - before).toBeLessThan(8_000_000);
});
