// Connections that say nothing are closed soon, whatever was asked on them before (H17).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Answer, Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";

const NET = "127.66";
const SHOP = "www.shop.example";

let origin: StageOrigin;
let stage: Stage;

const answer: Answer = (request) => {
  const { pathname } = new URL(request.url);
  const fields = { "cache-control": pathname.includes("kept") ? "max-age=60" : "no-store" };
  if (pathname.includes("chunked")) {
    const parts = ["some ", "parts ", "of it"].map((text) => new TextEncoder().encode(text));
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const part = parts.shift();
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
    });
    return new Response(body, { headers: fields });
  }
  return new Response("x".repeat(pathname.includes("large") ? 3_000_000 : 10), { headers: fields });
};

beforeAll(async () => {
  origin = startOrigin(`${NET}.5.1`, 0, answer);
  const { port, address: v4 } = origin;
  const site = { hostname: SHOP, customer: "shop", port, front: "caches" as const };
  stage = new Stage(snapshotOf([{ ...site, origins: [{ name: "o1", v4, port }] }]), `${NET}.9.6`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});

/** Asks, says nothing more, and tells how long until the connection was closed; null: it is not. */
function closedAfter(request: string, limitMs: number): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const socket = connect(stage.edge.httpPort, stage.address);
  let fromMs = performance.now();
  socket.on("data", () => {
    fromMs = performance.now();
  });
  socket.on("error", () => {});
  const timer = setTimeout(() => {
    resolve(null);
    socket.destroy();
  }, limitMs);
  socket.on("close", () => {
    clearTimeout(timer);
    resolve(performance.now() - fromMs);
  });
  socket.write(request);
  return promise;
}

describe("a connection that says nothing any more", () => {
  const asked = [
    ["GET", "/passed"],
    ["GET", "/kept"],
    ["GET", "/chunked"],
    ["GET", "/kept-chunked"],
    ["GET", "/large"],
    ["GET", "/kept-large"],
    ["HEAD", "/passed-head"],
    ["POST", "/posted"],
  ] as const;

  // All at once: each takes as long as a quiet connection may last.
  test("is closed as soon after a fetch as after a hit (H17)", async () => {
    const each = asked.map(async ([method, path]) => {
      const length = method === "POST" ? "Content-Length: 2\r\n\r\nhi" : "\r\n";
      const request = `${method} ${path} HTTP/1.1\r\nHost: ${SHOP}\r\n${length}`;
      return [path, (await closedAfter(request, 40_000)) !== null] as const;
    });
    expect(await Promise.all(each)).toEqual(asked.map(([, path]) => [path, true] as const));
  }, 60_000);
});
