import { describe, expect, test } from "bun:test";
import { realClock } from "../../base/real/clock.ts";
import { checkContract, RIGHT_MS, withServer } from "./check.contract.ts";
import { checkHttp, type HttpCheckOptions } from "./http.ts";

function run(port: number, timeoutMs: number, more: Partial<HttpCheckOptions> = {}) {
  return checkHttp({
    address: "127.0.0.1",
    port,
    scheme: "http",
    host: "www.shop.example",
    path: "/health?deep=1",
    statusMin: 200,
    statusMax: 399,
    timeoutMs,
    clock: realClock,
    ...more,
  });
}

checkContract({
  name: "checkHttp()",
  run,
  right: (socket) =>
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
  endlessHead: "HTTP/1.1 200 OK\r\n\r\n",
  trickleHead: "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
  lies: {
    "a body shorter than it says": {
      sends: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
      verdict: "not http",
    },
    "a length that is none": {
      sends: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
      verdict: "not http",
    },
    "chunks without an end": {
      sends: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      verdict: "not http",
    },
    "a status that is none": { sends: "HTTP/1.1 999 Fine\r\n\r\n", verdict: "not http" },
    "interim answers without end": {
      sends: "HTTP/1.1 100 Continue\r\n\r\n".repeat(2000),
      verdict: "not http",
    },
    "another protocol": { sends: "SSH-2.0-OpenSSH_9.2\r\n", verdict: "not http" },
  },
  verdicts: {
    silent: "timeout",
    garbage: "not http",
    endless: "",
    endlessGarbage: "not http",
    hangsUp: "not http",
    resets: "reset",
    trickles: "timeout",
  },
});

describe("checkHttp()", () => {
  test("asks the address for the site's path by the site's name", async () => {
    let asked = "";
    const outcome = await withServer(
      (socket) =>
        socket.on("data", (bytes) => {
          asked += bytes.toString();
          socket.end("HTTP/1.1 204 No Content\r\n\r\n");
        }),
      async (port) => ({ port, result: await run(port, RIGHT_MS) }),
    );
    expect(outcome.result.ok).toBe(true);
    expect(asked.split("\r\n").slice(0, 2)).toEqual([
      "GET /health?deep=1 HTTP/1.1",
      `Host: www.shop.example:${outcome.port}`,
    ]);
  });

  test("judges by the range of statuses and does not follow redirects", async () => {
    const statusOf = (status: number, more: Partial<HttpCheckOptions> = {}) =>
      withServer(
        (socket) =>
          socket.once("data", () =>
            socket.end(
              `HTTP/1.1 ${status} X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n`,
            ),
          ),
        async (port) => (await run(port, RIGHT_MS, more)).failure,
      );
    expect(await statusOf(200)).toBe("");
    expect(await statusOf(302)).toBe("");
    expect(await statusOf(302, { statusMax: 299 })).toBe("status 302");
    expect(await statusOf(503)).toBe("status 503");
  });

  test("times the first byte and the whole apart", async () => {
    const outcome = await withServer(
      (socket) =>
        socket.once("data", () => {
          setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"), 60);
          setTimeout(() => socket.write("k"), 140);
        }),
      (port) => run(port, RIGHT_MS),
    );
    expect(outcome.connectMs).toBeLessThanOrEqual(outcome.firstByteMs ?? 0);
    expect(outcome.firstByteMs).toBeGreaterThanOrEqual(55);
    expect(outcome.totalMs).toBeGreaterThanOrEqual(135);
  });

  test("a body that trickles for ever is a timeout", async () => {
    const outcome = await withServer(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        const drip = setInterval(() => socket.write("x"), 20);
        socket.on("close", () => clearInterval(drip));
      },
      (port) => run(port, 200),
    );
    expect(outcome.failure).toBe("timeout");
    expect(outcome.firstByteMs).not.toBeNull();
  });

  test("sends the method, fields and Host asked for, and takes no second of its own", async () => {
    let asked = "";
    const headers = { "X-Probe": "1", accept: "text/plain" };
    await withServer(
      (socket) =>
        socket.on("data", (bytes) => {
          asked += bytes.toString();
          socket.end("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
        }),
      async (port) => {
        const outcome = await run(port, RIGHT_MS, {
          method: "HEAD",
          headers,
          host: "other.example",
        });
        expect(outcome.ok).toBe(true);
      },
    );
    const lines = asked.split("\r\n");
    expect(lines[0]).toBe("HEAD /health?deep=1 HTTP/1.1");
    expect(lines[1]).toStartWith("Host: other.example:");
    expect(lines).toContain("X-Probe: 1");
    expect(lines.filter((line) => /^accept:/i.test(line))).toEqual(["accept: text/plain"]);
  });

  test("passes only the statuses listed, and only a body with the text", async () => {
    const answer = (text: string, more: Partial<HttpCheckOptions>) =>
      withServer(
        (socket) => socket.once("data", () => socket.end(text)),
        (port) => run(port, RIGHT_MS, more),
      );
    const gone = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
    expect((await answer(gone, { statuses: [200, 410] })).ok).toBe(true);
    expect((await answer(gone, { statuses: [200] })).failure).toBe("status 410");
    const chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall w\r\n3\r\nell\r\n0\r\n\r\n";
    expect((await answer(chunked, { bodyHas: "all well" })).ok).toBe(true);
    expect((await answer(chunked, { bodyHas: "secret" })).failure).toBe("body without the text");
  });
});
