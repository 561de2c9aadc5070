import { describe, expect, test } from "bun:test";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { realClock } from "../../base/real/clock.ts";
import { checkContract, RIGHT_MS } from "./check.contract.ts";
import type { HttpCheckOptions } from "./http.ts";
import { checkHttp2 } from "./http2.ts";
import type { CheckOutcome } from "./outcome.ts";

function run(port: number, timeoutMs: number, more: Partial<HttpCheckOptions> = {}) {
  return checkHttp2({
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

type Answer = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

async function serving<T>(answer: Answer, use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    answer(stream as ServerHttp2Stream, headers);
  });
  server.on("sessionError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await use(typeof address === "object" && address !== null ? address.port : 0);
  } finally {
    server.close();
  }
}

const well: Answer = (stream) => {
  stream.respond({ ":status": 200 });
  stream.end("all well");
};

checkContract({
  name: "checkHttp2()",
  run,
  right: { serve: (use) => serving(well, use) },
  endlessHead: "",
  trickleHead: "",
  lies: {
    "another version": { sends: "HTTP/1.1 200 OK\r\n\r\nsecret", verdict: "not http/2" },
    "settings longer than a frame": {
      sends: "\xff\xff\xff\x04\x00\x00\x00\x00\x00secret",
      verdict: "not http/2",
    },
  },
  verdicts: {
    silent: "timeout",
    garbage: "not http/2",
    endless: "not http/2",
    endlessGarbage: "not http/2",
    hangsUp: "not http/2",
    resets: "reset",
    trickles: "not http/2",
  },
});

describe("checkHttp2()", () => {
  const ask = (answer: Answer, more: Partial<HttpCheckOptions> = {}): Promise<CheckOutcome> =>
    serving(answer, (port) => run(port, RIGHT_MS, more));

  test("asks for the site's path by its name, with the method and fields given", async () => {
    let asked: Record<string, unknown> = {};
    const outcome = await ask(
      (stream, headers) => {
        asked = headers;
        stream.respond({ ":status": 204 }, { endStream: true });
      },
      { method: "HEAD", headers: { "X-Probe": "1", Accept: "text/plain" } },
    );
    expect(outcome).toMatchObject({ ok: true, failure: "" });
    expect(asked).toMatchObject({
      ":method": "HEAD",
      ":path": "/health?deep=1",
      accept: "text/plain",
      "x-probe": "1",
    });
    expect(String(asked[":authority"])).toStartWith("www.shop.example:");
  });

  test("judges by status, body and ORCA as the other version does", async () => {
    const status = (code: number): Answer => {
      return (stream) => stream.respond({ ":status": code }, { endStream: true });
    };
    expect((await ask(status(503))).failure).toBe("status 503");
    expect((await ask(status(302), { statuses: [200] })).failure).toBe("status 302");
    expect((await ask(well, { bodyHas: "all well" })).ok).toBe(true);
    expect((await ask(well, { bodyHas: "secret" })).failure).toBe("body without the text");
    const told = await ask((stream) => {
      const orca = "TEXT application_utilization=0.4";
      stream.respond({ ":status": 200, "endpoint-load-metrics": orca }, { endStream: true });
    });
    expect(told.loads?.[0]).toMatchObject({ kind: "reported", load: 0.4 });
  });

  test("stops at the byte limit of an endless body and is content", async () => {
    const chunk = new Uint8Array(65_536);
    const outcome = await ask((stream) => {
      stream.respond({ ":status": 200 });
      const more = () => {
        if (stream.destroyed || stream.closed) return;
        stream.write(chunk);
        setImmediate(more);
      };
      more();
    });
    expect(outcome).toMatchObject({ ok: true, failure: "" });
  });

  test("a stream that never answers is a timeout, one that is reset a failure", async () => {
    const silent = await serving(
      () => {},
      (port) => run(port, 300),
    );
    expect(silent.failure).toBe("timeout");
    const reset = await ask((stream) => stream.close(2));
    expect(reset.ok).toBe(false);
  });
});
