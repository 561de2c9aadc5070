// Clauses of the HTTP RFCs that an operator of other caches would try first, each over real sockets.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { parseList } from "structured-headers";
import { type Reply, Stage, snapshotOf, ZONE } from "./edge-stage.ts";
import { type Asked, RawOrigin, words } from "./raw-origin.ts";

const NET = "127.76";
const SITE = "www.clauses.example";
const MOVED = "www.paused.example";

let stage: Stage;
const origin = new RawOrigin();
const { log } = origin;

const date = (ms: number) => `Date: ${new Date(ms).toUTCString()}`;
const nowMs = () => stage.clock.wallMs();

beforeAll(async () => {
  const { port } = await origin.start(`${NET}.21.1`);
  const origins = [{ name: "o1", v4: `${NET}.21.1`, port }];
  const site = { hostname: SITE, customer: "clauses", port, front: "caches" as const, origins };
  const rules = [{ name: "pause", redirect: { status: 302, to: "/pause.html" } }];
  stage = new Stage(snapshotOf([site, { ...site, hostname: MOVED, rules }]), `${NET}.29.1`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  log.length = 0;
});

const get = (path: string, fields: Record<string, string> = {}, method = "GET") =>
  stage.get(`http://${SITE}${path}`, fields, method);

/** Our member of Cache-Status, read by a parser of structured fields. */
function ours(reply: Reply): Record<string, unknown> {
  const [name, params] = parseList(reply.headers.get("cache-status") ?? "").at(-1)!;
  expect(String(name)).toBe("edge-1");
  return Object.fromEntries([...params].map(([key, value]) => [key, String(value)]));
}

describe("If-Range", () => {
  const body = "0123456789";
  const since = Date.UTC(2026, 10, 1);

  test("with the date of something changed in the second it was sent is no strong validator (RFC 9110 8.8.2.2)", async () => {
    const changed = `Last-Modified: ${new Date(nowMs()).toUTCString()}`;
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60", date(nowMs()), changed], body);
    const first = await get("/if-range-young");
    const only = first.headers.get("last-modified")!;
    const reply = await get("/if-range-young", { range: "bytes=2-3", "if-range": only });
    expect([reply.status, reply.text]).toEqual([200, body]);
  });

  test("with the exact date of something older cuts what is held", async () => {
    const changed = `Last-Modified: ${new Date(since).toUTCString()}`;
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60", date(nowMs()), changed], body);
    const first = await get("/if-range-old");
    const only = first.headers.get("last-modified")!;
    const reply = await get("/if-range-old", { range: "bytes=2-3", "if-range": only });
    expect([reply.status, reply.text]).toEqual([206, "23"]);
    const later = new Date(since + 1000).toUTCString();
    const other = await get("/if-range-old", { range: "bytes=2-3", "if-range": later });
    expect([other.status, other.text]).toEqual([200, body]);
  });
});

describe("a range", () => {
  test("may end at the greatest number of 64 bits and beyond (RFC 9110 14.1.2)", async () => {
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "0123456789");
    await get("/huge-last");
    for (const last of ["9223372036854775807", "18446744073709551616"]) {
      const reply = await get("/huge-last", { range: `bytes=8-${last}` });
      expect([reply.status, reply.text]).toEqual([206, "89"]);
      const beyond = await get("/huge-last", { range: `bytes=${last}-` });
      expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */10"]);
      const tail = await get("/huge-last", { range: `bytes=-${last}` });
      expect([tail.status, tail.text]).toEqual([206, "0123456789"]);
    }
  });

  test("that nothing satisfies does not keep what others ask for from being kept", async () => {
    origin.say = ({ fields }) =>
      fields.has("range")
        ? words("416 Range Not Satisfiable", ["Content-Range: bytes */4"])
        : words("200 OK", ["Cache-Control: max-age=60"], "held");
    const beyond = await get("/beyond", { range: "bytes=9000000-" });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */4"]);
    await get("/beyond");
    expect(ours(await get("/beyond")).hit).toBe("true");
  });
});

test("an answer that blames one request does not keep the next one's from being kept", async () => {
  origin.say = ({ fields }) =>
    fields.has("x-bad")
      ? words("400 Bad Request", [])
      : words("200 OK", ["Cache-Control: max-age=60"], "held");
  expect((await get("/blamed", { "x-bad": "1" })).status).toBe(400);
  await get("/blamed");
  expect(ours(await get("/blamed")).hit).toBe("true");
});

test("what is kept again after an error of its server is shared at once", async () => {
  let fails = true;
  origin.say = () =>
    fails
      ? words("503 Service Unavailable", [])
      : words("200 OK", ["Cache-Control: max-age=60"], "held");
  expect((await get("/recovers")).status).toBe(503);
  fails = false;
  await get("/recovers");
  expect(ours(await get("/recovers")).hit).toBe("true");
});

test("a 304 makes no weak tag strong: its bytes may be in another coding (RFC 9110 8.8.1)", async () => {
  const vary = ["Cache-Control: max-age=10", "Vary: Accept-Encoding"];
  origin.say = ({ fields }) =>
    fields.has("if-none-match")
      ? words("304 Not Modified", [...vary, 'ETag: "v1"'])
      : words("200 OK", [...vary, 'ETag: W/"v1"'], "squeezed");
  await get("/weak");
  stage.clock.advance(11_000);
  const renewed = await get("/weak");
  expect(ours(renewed)).toMatchObject({ fwd: "stale", "fwd-status": "304" });
  expect([renewed.text, renewed.headers.get("etag")]).toEqual(["squeezed", 'W/"v1"']);
  const part = await get("/weak", { range: "bytes=0-1", "if-range": '"v1"' });
  expect([part.status, part.text]).toEqual([200, "squeezed"]);
});

test("a 304 without a Date is of now: what it renews is fresh again (RFC 9110 6.6.1)", async () => {
  origin.say = ({ fields }) =>
    words(fields.has("if-none-match") ? "304 Not Modified" : "200 OK", [
      ...["Cache-Control: max-age=10", 'ETag: "a"'],
    ]);
  await get("/undated");
  stage.clock.advance(20_000);
  const renewed = await get("/undated");
  expect(ours(renewed)).toMatchObject({ fwd: "stale", "fwd-status": "304" });
  expect(renewed.headers.get("date")).toBe(new Date(nowMs()).toUTCString());
  expect(ours(await get("/undated"))).toMatchObject({ hit: "true", ttl: "10" });
});

describe("HEAD about what is stale", () => {
  test("is answered from it where GET would be, when no server answers (RFC 5861 4)", async () => {
    const control = "Cache-Control: max-age=10, stale-if-error=600";
    let fault: string | null = null;
    let fails = false;
    origin.say = () => (fails ? fault : words("200 OK", [control, 'ETag: "a"'], "held"));
    for (const said of [null, words("503 Service Unavailable", [])]) {
      fails = false;
      fault = said;
      const path = `/head-stale-${said === null}`;
      await get(path);
      stage.clock.advance(20_000);
      fails = true;
      const reply = await get(path, {}, "HEAD");
      expect([reply.status, reply.headers.get("content-length")]).toEqual([200, "4"]);
      expect(ours(reply)).toMatchObject({ hit: "true", detail: "stale-if-error" });
      expect((await get(path)).text).toBe("held");
    }
  });

  test("that goes to its server says so in Cache-Status (RFC 9211 2.2)", async () => {
    origin.say = () => words("200 OK", ["Cache-Control: max-age=10", 'ETag: "a"'], "held");
    await get("/head-fwd");
    stage.clock.advance(20_000);
    const head = 'HTTP/1.1 200 OK\r\nETag: "a"\r\nCache-Control: max-age=10\r\nContent-Length: 4';
    origin.say = ({ line }) => (line.startsWith("HEAD") ? `${head}\r\n\r\n` : null);
    expect(ours(await get("/head-fwd", {}, "HEAD"))).toMatchObject({
      ...{ fwd: "stale", "fwd-status": "200" },
    });
    expect(ours(await get("/head-fwd")).hit).toBe("true");
  });
});

test("what its server says is gone does not come back when that server is out of reach", async () => {
  for (const status of ["404 Not Found", "410 Gone"]) {
    const path = `/gone-${status.slice(0, 3)}`;
    origin.say = () => words("200 OK", ["Cache-Control: max-age=10", 'ETag: "a"'], "held");
    await get(path);
    stage.clock.advance(20_000);
    origin.say = () => words(status, []);
    expect((await get(path)).status).toBe(Number(status.slice(0, 3)));
    stage.clock.advance(11_000);
    origin.say = () => null;
    expect((await get(path)).status).toBe(502);
  }
});

test("another variant is a vary-miss in Cache-Status (RFC 9211 2.2)", async () => {
  origin.say = ({ fields }) =>
    words("200 OK", ["Cache-Control: max-age=60", "Vary: X-Kind"], fields.get("x-kind"));
  expect(ours(await get("/kinds", { "x-kind": "a" })).fwd).toBe("uri-miss");
  expect(ours(await get("/kinds", { "x-kind": "b" })).fwd).toBe("vary-miss");
  expect(ours(await get("/kinds", { "x-kind": "b" })).hit).toBe("true");
});

describe("Max-Forwards of OPTIONS (RFC 9110 7.6.2)", () => {
  test("is one less at the web server", async () => {
    origin.say = () => words("204 No Content", ["Allow: GET"]).replace("Content-Length: 0\r\n", "");
    expect((await get("/max", { "max-forwards": "3" }, "OPTIONS")).status).toBe(204);
    expect(log.at(-1)?.fields.get("max-forwards")).toBe("2");
  });

  test("of nothing ends here", async () => {
    origin.say = () => words("200 OK", [], "not reached");
    const reply = await get("/max", { "max-forwards": "0" }, "OPTIONS");
    expect([reply.status, reply.headers.get("allow") !== null, log.length]).toEqual([
      ...[204, true, 0],
    ]);
  });

  test("says nothing of other methods", async () => {
    origin.say = () => words("200 OK", ["Cache-Control: no-store"], "reached");
    expect((await get("/max-get", { "max-forwards": "0" })).text).toBe("reached");
  });
});

test("a 304 that nobody asked for is no answer, twice neither", async () => {
  origin.say = () => words("304 Not Modified", ['ETag: "a"']);
  expect((await get("/unasked-304")).status).toBe(502);
});

test("a part that nobody asked for is not taken for the whole (RFC 9110 15.3.7)", async () => {
  origin.say = () =>
    words(
      "206 Partial Content",
      ["Cache-Control: max-age=60", "Content-Range: bytes 0-3/10"],
      "0123",
    );
  const reply = await get("/unasked-206");
  expect(reply.status).toBe(502);
  origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "0123456789");
  expect((await get("/unasked-206")).text).toBe("0123456789");
});

test("only-if-cached is answered by what is held, else with 504 and no question (RFC 9111 5.2.1.7)", async () => {
  origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "held");
  const only = { "cache-control": "only-if-cached" };
  expect([(await get("/only", only)).status, log.length]).toEqual([504, 0]);
  await get("/only");
  const reply = await get("/only", only);
  expect([reply.status, reply.text, log.length]).toEqual([200, "held", 1]);
});

test("whatever has no Date gets the time at which it came (RFC 9110 6.6.1)", async () => {
  origin.say = () => words("200 OK", ["Cache-Control: no-store"], "undated");
  for (const [path, method] of [
    ["/u", "GET"],
    ["/u", "HEAD"],
    ["/u", "POST"],
  ] as const) {
    const reply = await get(path, {}, method);
    expect([method, Date.parse(reply.headers.get("date") ?? "")]).toEqual([
      method,
      expect.any(Number),
    ]);
    expect(Number.isNaN(Date.parse(reply.headers.get("date") ?? ""))).toBe(false);
  }
});

test("HEAD of what has no content says no length (RFC 9110 8.6)", async () => {
  origin.say = () => "HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\n\r\n";
  await get("/empty");
  const reply = await get("/empty", {}, "HEAD");
  expect([reply.status, ours(reply).hit, reply.headers.get("content-length")]).toEqual([
    ...[204, "true", null],
  ]);
});

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

  test("several ranges of it cost the slices that they lie in (H12)", async () => {
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

  test("several long ranges of it are sent as they come, to the byte", async () => {
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

  test("a part far ahead of what is on its way comes at once, and from slices (H12)", async () => {
    origin.say = serveParts;
    const { hostname, port } = { hostname: stage.address, port: stage.edge.httpPort };
    const client = connect(port, hostname);
    client.on("error", () => {});
    const begun = new Promise<void>((resolve) => client.once("data", () => resolve()));
    client.write(`GET /coming HTTP/1.1\r\nHost: ${SITE}\r\n\r\n`);
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
  });
});

test("If-Range with a date cuts what is held in parts, too", async () => {
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

test("a rule that sends all of a site to one page does not send that page in a circle", async () => {
  origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "pause");
  for (const at of [`http://${MOVED}`, `http://c.${ZONE}/${MOVED}`]) {
    const sent = await stage.get(`${at}/shop?a=1`);
    expect(sent.status).toBe(302);
    const there = await stage.get(new URL(sent.headers.get("location")!, `${at}/shop`).href);
    expect([there.status, there.text]).toEqual([200, "pause"]);
  }
});
