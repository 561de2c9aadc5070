import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { until } from "../../test/stories/edge-stage.ts";
import { Fault } from "../base/fault.ts";
import type { OriginRequest, OriginResponse } from "./hot/origin.ts";
import { originClient } from "./origin-client.ts";

const ADDRESS = "127.87.0.1";
let server: Server;
let port = 0;
let answer = "";
let seen = "";
let close = true;
/** Written byte by byte after `answer`, without an end. */
let trickles = "";

beforeAll(async () => {
  server = createServer((socket: Socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      seen = data.toString("latin1");
      socket.write(answer, "latin1");
      if (trickles !== "") {
        const timer = setInterval(() => socket.write(trickles), 20);
        socket.on("close", () => clearInterval(timer));
      } else if (close) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(() => server.close());

/** For who waits in vain; long enough to connect on a machine that stands still for a moment. */
const SOON = { headMs: 1_500, silentMs: 1_500 };
const client = originClient();
let ends = 0;

function request(more: Partial<OriginRequest> = {}): OriginRequest {
  return {
    ...{ scheme: "http", address: ADDRESS, port, hostname: "www.shop.example" },
    ...{
      method: "GET",
      path: "/a/b?c=d",
      body: null,
      bodyBytes: null,
      headMs: 10_000,
      silentMs: 10_000,
    },
    fields: [
      ["host", "www.shop.example"],
      ["accept", "*/*"],
      ["accept-encoding", "identity"],
      ["user-agent", "Turnpike"],
    ],
    onEnd: () => ends++,
    ...more,
  } as OriginRequest;
}

/** The whole exchange: the response and its body, or the code of what failed and where. */
async function exchange(raw: string, o: Partial<OriginRequest> & { open?: boolean } = {}) {
  answer = raw;
  close = o.open !== true;
  ends = 0;
  let response: OriginResponse;
  try {
    response = await client.fetch(request(o));
  } catch (fault) {
    return { failed: fault instanceof Fault ? fault.code : fault, ends };
  }
  const body = response.whole ?? response.body;
  const read = body === null ? "" : await new Response(body).text().catch(() => null);
  return { status: response.status, response, body: read, ends };
}

describe("the origin client", () => {
  test("sends what it is given and nothing else, to the address given", async () => {
    const got = await exchange("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect([got.status, got.body, got.ends]).toEqual([200, "ok", 1]);
    const [line, ...fields] = seen.trimEnd().split("\r\n");
    expect(line).toBe("GET /a/b?c=d HTTP/1.1");
    expect(fields.map((field) => field.toLowerCase()).sort()).toEqual([
      "accept-encoding: identity",
      "accept: */*",
      "host: www.shop.example",
      "user-agent: turnpike",
    ]);
  });

  test("drops hop-by-hop fields and those that Connection names", async () => {
    const got = await exchange(
      "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\nKeep-Alive: 3\r\nContent-Length: 0\r\n\r\n",
    );
    expect(got.response?.fields.map(([name]) => name).sort()).toEqual(["content-length", "x-end"]);
  });

  test("does not follow redirects, nor decode bodies", async () => {
    const got = await exchange(
      "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    );
    expect([got.status, got.body]).toEqual([302, "abc"]);
  });

  const hostile: readonly (readonly [string, string, string])[] = [
    [
      "both lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "origin-broken",
    ],
    [
      "two different lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
      "origin-broken",
    ],
    ["no HTTP", "garbage\r\n\r\n", "origin-broken"],
    ["nothing", "", "origin-broken"],
    ["a bare status of nonsense", "HTTP/1.1 9999 X\r\n\r\n", "origin-broken"],
    [
      "an unknown transfer coding",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nabc",
      "origin-broken",
    ],
  ];
  for (const [what, raw, code] of hostile) {
    test(`refuses ${what} (H5)`, async () => {
      expect(await exchange(raw)).toEqual({ failed: code as never, ends: 1 });
    });
  }

  test("a body that is cut short fails, by length and by chunks", async () => {
    const byLength = await exchange("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    const chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    const byChunks = await exchange(chunks);
    expect([byLength.body, byLength.ends, byChunks.body, byChunks.ends]).toEqual([
      null,
      1,
      null,
      1,
    ]);
  });

  test("a body that only the end of the connection ends is known as such", async () => {
    const got = await exchange("HTTP/1.1 200 OK\r\n\r\nuntil close");
    expect([got.body, got.response?.framed]).toEqual(["until close", false]);
  });

  test("bytes after the body are a fault, and nothing of them is anybody's answer", async () => {
    const second = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    const got = await exchange(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc${second}`);
    expect(got).toEqual({ failed: "origin-broken", ends: 1 });
    expect((await exchange("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).body).toBe("ok");
  });

  test("silence before the head and within the body is a timeout", async () => {
    const late = await exchange("", { ...SOON, open: true });
    expect(late).toEqual({ failed: "origin-timeout", ends: 1 });
    const begun = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    const half = await exchange(begun, { ...SOON, open: true });
    expect([half.body, half.ends]).toEqual([null, 1]);
  });

  test("a head or a body that trickles in is as late as none (H5)", async () => {
    trickles = "b";
    try {
      const late = { failed: "origin-timeout", ends: 1 };
      expect(await exchange("HTTP/1.1 200 OK\r\nX-A: ", SOON)).toEqual(late);
      const body = await exchange("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", SOON);
      expect(body.body ?? null).toBeNull();
      expect(body.ends).toBe(1);
    } finally {
      trickles = "";
    }
  });

  test("a body that nobody reads is given up at last", async () => {
    const long = "l".repeat(3_000_000);
    answer = `HTTP/1.1 200 OK\r\nContent-Length: ${long.length}\r\n\r\n${long}`;
    close = false;
    ends = 0;
    const left = await client.fetch(request({ ...SOON, silentMs: 10 }));
    await until(() => ends === 1, 20_000);
    await expect(new Response(left.body).text()).rejects.toBeInstanceOf(Fault);
  });

  test("nobody listening is a refusal", async () => {
    const free = Bun.listen({ hostname: ADDRESS, port: 0, socket: { data() {} } });
    const gone = free.port;
    free.stop(true);
    expect(await exchange("", { port: gone })).toEqual({ failed: "origin-refused", ends: 1 });
    // Nor is anybody asked for what cannot be written.
    const unwritten = { port: gone, fields: [["x-a", "\x7f"]] as const };
    expect(await exchange("", unwritten)).toEqual({ failed: "bad-input", ends: 1 });
  });
});
