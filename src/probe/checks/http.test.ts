import { describe, expect, test } from "bun:test";
import { realClock } from "../../base/real/clock.ts";
import { checkContract, withServer } from "./check.contract.ts";
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
  verdicts: {
    silent: "timeout",
    garbage: "not http",
    endless: "",
    endlessGarbage: "not http",
    hangsUp: "not http",
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
      async (port) => ({ port, result: await run(port, 500) }),
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
        async (port) => (await run(port, 500, more)).failure,
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
      (port) => run(port, 900),
    );
    expect(outcome.connectMs).toBeLessThan(50);
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
});
