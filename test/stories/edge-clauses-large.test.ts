// Clauses of the HTTP RFCs about large objects and parts of them, each over real sockets.
import { describe, expect } from "bun:test";
import { connect } from "node:net";
import { ClausesStage, date, ours, SITE } from "./edge-clauses-stage.ts";
import { type Asked, words } from "./raw-origin.ts";

const c = new ClausesStage({ origin: "127.85.21.1", edge: "127.85.29.1" });
const { clause, get, log, nowMs, origin } = c;

describe("a large object that is not held", () => {
  const MIB = 1024 * 1024;
  const SIZE = 8 * MIB;
  const fields = ['ETag: "big"', "Cache-Control: max-age=60", "Accept-Ranges: bytes"];
  const letter = (at: number) => String.fromCharCode(97 + (at % 26));
  const cut = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => letter(first + i)).join("");
  let sentBytes = 0;

  /** Parts as asked for; of the whole the head and a bit, and then nothing more. */
  function serveParts(asked: Asked): string {
    const match = /^bytes=(\d+)-(\d+)$/.exec(asked.fields.get("range") ?? "");
    if (match === null) {
      return `HTTP/1.1 200 OK\r\n${fields.join("\r\n")}\r\nContent-Length: ${SIZE}\r\n\r\n${cut(0, 999)}`;
    }
    const [first, last] = [Number(match[1]), Math.min(SIZE - 1, Number(match[2]))];
    sentBytes += last - first + 1;
    const where = `Content-Range: bytes ${first}-${last}/${SIZE}`;
    return words("206 Partial Content", [...fields, where], cut(first, last));
  }

  clause("several ranges of it cost the slices that they lie in (H12)", async () => {
    sentBytes = 0;
    origin.say = serveParts;
    const range = `bytes=0-9, ${5 * MIB}-${5 * MIB + 9}`;
    for (const hit of [undefined, "true"]) {
      const reply = await get("/several", { range });
      expect([reply.status, ours(reply).hit]).toEqual([206, hit]);
      const type = reply.headers.get("content-type") ?? "";
      const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(type)?.[1];
      expect(reply.headers.get("content-range")).toBeNull();
      expect(reply.headers.get("content-length")).toBe(String(reply.body.byteLength));
      const part = (first: number, last: number) =>
        `--${boundary}\r\nContent-Range: bytes ${first}-${last}/${SIZE}\r\n\r\n${cut(first, last)}\r\n`;
      expect(reply.text).toBe(`${part(0, 9)}${part(5 * MIB, 5 * MIB + 9)}--${boundary}--\r\n`);
    }
    expect([sentBytes, log.length]).toEqual([MIB, 2]);
  });

  clause("several long ranges of it are sent as they come, to the byte", async () => {
    sentBytes = 0;
    origin.say = serveParts;
    const [a, b] = [MIB + 7, 4 * MIB + 3];
    const range = `bytes=${b}-${b + MIB},${a}-${a + MIB}`;
    const reply = await get("/several-long", { range });
    expect(reply.status).toBe(206);
    const [, first, second] = reply.text.split(/--turnpike-\w+(?:--)?\r\n/);
    const body = (text = "") => text.slice(text.indexOf("\r\n\r\n") + 4, -2);
    expect(body(first) === cut(b, b + MIB)).toBe(true);
    expect(body(second) === cut(a, a + MIB)).toBe(true);
    expect(sentBytes).toBeLessThanOrEqual(4 * MIB);
  });

  clause(
    "a part far ahead of what is on its way comes at once, and from slices (H12)",
    async () => {
      origin.say = serveParts;
      const { hostname, port } = { hostname: c.stage.address, port: c.stage.edge.httpPort };
      const client = connect(port, hostname);
      client.on("error", () => {});
      const begun = new Promise<void>((resolve) => client.once("data", () => resolve()));
      client.write(`GET ${c.start}/coming HTTP/1.1\r\nHost: ${SITE}\r\n\r\n`);
      await begun;
      const [first, last] = [6 * MIB, 6 * MIB + 9];
      const asked = Array.from({ length: 5 }, () =>
        get("/coming", { range: `bytes=${first}-${last}` }),
      );
      for (const reply of await Promise.all(asked)) {
        expect([reply.status, reply.text]).toEqual([206, cut(first, last)]);
      }
      expect(log.filter((one) => one.fields.has("range")).length).toBe(1);
      client.destroy();
    },
  );
});

clause(
  "what comes for long is joined while it is fresh, and asked for anew after that (RFC 9111 4.2.4)",
  async () => {
    const head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8000000\r\n\r\n";
    origin.say = () => `${head}${"v1 ".repeat(1000)}`;
    const client = connect(c.stage.edge.httpPort, c.stage.address);
    client.on("error", () => {});
    const begun = new Promise<void>((resolve) => client.once("data", () => resolve()));
    client.write(`GET ${c.start}/lasts HTTP/1.1\r\nHost: ${SITE}\r\n\r\n`);
    await begun;
    c.stage.clock.advance(61_000);
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "v2");
    expect((await get("/lasts")).text).toBe("v2");
    client.destroy();
  },
);

clause("If-Range with a date cuts what is held in parts, too", async () => {
  const since = new Date(Date.UTC(2026, 10, 1)).toUTCString();
  origin.say = ({ fields }) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(fields.get("range") ?? "")!;
    const end = Math.min(Number(last), 3_999_999);
    return words(
      "206 Partial Content",
      [
        ...['ETag: "p"', "Cache-Control: max-age=60", date(nowMs()), `Last-Modified: ${since}`],
        `Content-Range: bytes ${first}-${end}/4000000`,
      ],
      "x".repeat(end - Number(first) + 1),
    );
  };
  await get("/parts-date", { range: "bytes=3000000-3000001" });
  const again = await get("/parts-date", { range: "bytes=3000002-3000003", "if-range": since });
  expect([again.status, ours(again).hit, log.length]).toEqual([206, "true", 1]);
});
