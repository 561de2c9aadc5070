// Clauses of the HTTP RFCs about validators, and about who is served what came for another, over real sockets.
import { afterAll, describe, expect, test } from "bun:test";
import { ClausesStage, date, ours, SITE } from "./edge-clauses-stage.ts";
import { until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";
import { words } from "./raw-origin.ts";

const c = new ClausesStage({ origin: "127.95.61.1", edge: "127.95.69.1" });
const { clause, get, log, nowMs, origin } = c;

const CONTROL = "Cache-Control: max-age=60";
const http = (ms: number) => new Date(ms).toUTCString();

clause(
  "If-Modified-Since of what has no Last-Modified is held against when it was sent (RFC 9111 4.3.2)",
  async () => {
    origin.say = () => words("200 OK", [CONTROL, date(nowMs())], "held");
    await get("/no-lm");
    const statusSince = async (ms: number) => {
      const since = { "if-modified-since": http(nowMs() + ms) };
      return (await get("/no-lm", since)).status;
    };
    expect([await statusSince(0), await statusSince(5000), await statusSince(-1000)]).toEqual([
      ...[304, 304, 200],
    ]);
    expect(log.length).toBe(1);
  },
);

describe("a 304 (RFC 9111 4.3.4)", () => {
  const since = Date.UTC(2026, 10, 1);

  clause("about another date than the stored one is of something else", async () => {
    let first = true;
    const dated = (ms: number) => [CONTROL, date(nowMs()), `Last-Modified: ${http(ms)}`];
    origin.say = ({ fields }) => {
      if (fields.has("if-modified-since")) return words("304 Not Modified", dated(since - 9000));
      return words("200 OK", dated(first ? since : since - 9000), first ? "newer" : "older");
    };
    expect((await get("/mirrors")).text).toBe("newer");
    first = false;
    c.stage.clock.advance(61_000);
    const reply = await get("/mirrors");
    expect(reply.text).toBe("older");
    expect(ours(reply)).toMatchObject({ fwd: "stale", "fwd-status": "200" });
    expect(log.length).toBe(3);
  });

  for (const [what, changedMs, status] of [
    ["a strong date", () => since, "304"],
    ["a date of the second in which it was sent", () => nowMs(), "200"],
  ] as const) {
    clause(`with a strong tag that is new, beside ${what}: ${status}`, async () => {
      const changed = `Last-Modified: ${http(changedMs())}`;
      const sent = date(nowMs());
      origin.say = ({ fields }) =>
        fields.has("if-modified-since")
          ? words("304 Not Modified", [CONTROL, date(nowMs()), changed, 'ETag: "b"'])
          : words("200 OK", [CONTROL, sent, changed], "bytes");
      await get(`/tag-${status}`);
      c.stage.clock.advance(61_000);
      expect(ours(await get(`/tag-${status}`))).toMatchObject({ "fwd-status": status });
    });
  }
});

clause(
  "HEAD with a validator that the stored one lacks says that it is outdated (RFC 9111 4.3.5)",
  async () => {
    origin.say = ({ line }) =>
      line.startsWith("HEAD")
        ? `HTTP/1.1 200 OK\r\nETag: "b"\r\n${CONTROL}\r\nContent-Length: 4\r\n\r\n`
        : words("200 OK", [CONTROL], "held");
    await get("/head-tag");
    c.stage.clock.advance(61_000);
    expect((await get("/head-tag", {}, "HEAD")).status).toBe(200);
    expect(ours(await get("/head-tag"))).toMatchObject({ fwd: "uri-miss" });
  },
);

clause("an error that POST gets is not what GET would get (RFC 9110 8.7)", async () => {
  origin.say = ({ line }) => {
    const [method, path] = line.split(" ");
    return method === "POST"
      ? words("409 Conflict", [CONTROL, `Content-Location: ${path}`], "no")
      : words("200 OK", [CONTROL], "page");
  };
  expect((await get("/posted", {}, "POST")).status).toBe(409);
  expect((await get("/posted")).text).toBe("page");
});

clause("an unsafe method goes forward for its method, also where nobody answers", async () => {
  origin.say = () => null;
  const reply = await get("/unanswered", {}, "POST");
  expect([reply.status, ours(reply)]).toEqual([502, { fwd: "method", detail: "no-answer" }]);
});

// On one connection, so that what was asked for last has reached the web server after all that came before.
describe("who waits for another's fetch", () => {
  const ways = new TwoWays(() => c.stage);
  afterAll(() => ways.close());
  const ask = (path: string, fields: Record<string, string> = {}) =>
    ways.http2(`http://${SITE}/waits${path}`, { fields });

  /** Asks as each of these while the first is not answered yet. */
  async function together(path: string, all: readonly Record<string, string>[]) {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const say = origin.say;
    origin.say = async (asked) => {
      if (asked.line.includes("/last")) return words("200 OK", ["Cache-Control: no-store"]);
      await gate;
      return say(asked);
    };
    const replies = all.map((fields) => ask(path, fields));
    await until(() => log.some((one) => one.line.includes(`/waits${path} `)));
    await ask(`/last${path}`);
    open();
    return Promise.all(replies);
  }

  test("is told why it went forward, and how old what came is (RFC 9211 2.2, RFC 9111 4)", async () => {
    origin.say = ({ fields }) =>
      words(fields.has("if-none-match") ? "304 Not Modified" : "200 OK", [CONTROL, 'ETag: "a"']);
    await ask("/renewed");
    c.stage.clock.advance(61_000);
    log.length = 0;
    const [, second] = await together("/renewed", [{}, {}]);
    expect(ours(second!)).toEqual({ fwd: "stale", "fwd-status": "304", collapsed: "true" });
    expect(second!.headers.get("age")).toBe("0");
  });

  test("gets what came without his cookies, or of another's, only where a lifetime says that it is for all", async () => {
    for (const control of ["max-age=0, must-revalidate", "no-cache, max-age=60"]) {
      origin.say = ({ fields }) => {
        const who = fields.get("cookie") ?? "nobody";
        return words("200 OK", [`Cache-Control: ${control}`, `ETag: "${who}"`], who);
      };
      const path = `/cookies-${control.length}`;
      const [a, b] = [{ cookie: "u=a" }, { cookie: "u=b" }];
      const texts = async (from: string, all: readonly Record<string, string>[]) =>
        (await together(path + from, all)).map(({ text }) => text);
      expect(await texts("/a", [a, b, {}])).toEqual(["u=a", "u=b", "nobody"]);
      expect(await texts("/nobody", [{}, b, {}])).toEqual(["nobody", "u=b", "nobody"]);
    }
  });
});
