// Clauses of the HTTP RFCs that an operator of other caches would try first, each over real sockets.
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { ClausesStage, date, MOVED, MOVED_WITH_QUERY, ours, SITE } from "./edge-clauses-stage.ts";
import { until, ZONE } from "./edge-stage.ts";
import { words } from "./raw-origin.ts";

const c = new ClausesStage({ origin: "127.76.21.1", edge: "127.76.29.1" });
const { clause, get, log, nowMs, origin } = c;

describe("If-Range", () => {
  const body = "0123456789";
  const since = Date.UTC(2026, 10, 1);

  clause(
    "with the date of something changed in the second it was sent is no strong validator (RFC 9110 8.8.2.2)",
    async () => {
      const changed = `Last-Modified: ${new Date(nowMs()).toUTCString()}`;
      origin.say = () =>
        words("200 OK", ["Cache-Control: max-age=60", date(nowMs()), changed], body);
      const first = await get("/if-range-young");
      const only = first.headers.get("last-modified")!;
      const reply = await get("/if-range-young", { range: "bytes=2-3", "if-range": only });
      expect([reply.status, reply.text]).toEqual([200, body]);
    },
  );

  clause("with the exact date of something older cuts what is held", async () => {
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
  clause("may end at the greatest number of 64 bits and beyond (RFC 9110 14.1.2)", async () => {
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "0123456789");
    await get("/huge-last");
    for (const last of ["9223372036854775807", "18446744073709551616"]) {
      const reply = await get("/huge-last", { range: `bytes=8-${last}` });
      expect([reply.status, reply.text]).toEqual([206, "89"]);
      const beyond = await get("/huge-last", { range: `bytes=${last}-` });
      expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */10"]);
      // Nor may a cache after this one keep it for the whole.
      expect(beyond.headers.get("cache-control")).toBe("no-store");
      const tail = await get("/huge-last", { range: `bytes=-${last}` });
      expect([tail.status, tail.text]).toEqual([206, "0123456789"]);
    }
  });

  clause("that nothing satisfies does not keep what others ask for from being kept", async () => {
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

clause(
  "an answer that blames one request does not keep the next one's from being kept",
  async () => {
    origin.say = ({ fields }) =>
      fields.has("x-bad")
        ? words("400 Bad Request", [])
        : words("200 OK", ["Cache-Control: max-age=60"], "held");
    expect((await get("/blamed", { "x-bad": "1" })).status).toBe(400);
    await get("/blamed");
    expect(ours(await get("/blamed")).hit).toBe("true");
  },
);

clause("what is kept again after an error of its server is shared at once", async () => {
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

clause(
  "a 304 makes no weak tag strong: its bytes may be in another coding (RFC 9110 8.8.1)",
  async () => {
    const vary = ["Cache-Control: max-age=10", "Vary: Accept-Encoding"];
    origin.say = ({ fields }) =>
      fields.has("if-none-match")
        ? words("304 Not Modified", [...vary, 'ETag: "v1"'])
        : words("200 OK", [...vary, 'ETag: W/"v1"'], "squeezed");
    await get("/weak");
    c.stage.clock.advance(11_000);
    const renewed = await get("/weak");
    expect(ours(renewed)).toMatchObject({ fwd: "stale", "fwd-status": "304" });
    expect([renewed.text, renewed.headers.get("etag")]).toEqual(["squeezed", 'W/"v1"']);
    const part = await get("/weak", { range: "bytes=0-1", "if-range": '"v1"' });
    expect([part.status, part.text]).toEqual([200, "squeezed"]);
  },
);

clause(
  "a 304 without a Date is of now: what it renews is fresh again (RFC 9110 6.6.1)",
  async () => {
    origin.say = ({ fields }) =>
      words(fields.has("if-none-match") ? "304 Not Modified" : "200 OK", [
        ...["Cache-Control: max-age=10", 'ETag: "a"'],
      ]);
    await get("/undated");
    c.stage.clock.advance(20_000);
    const renewed = await get("/undated");
    expect(ours(renewed)).toMatchObject({ fwd: "stale", "fwd-status": "304" });
    expect(renewed.headers.get("date")).toBe(new Date(nowMs()).toUTCString());
    expect(ours(await get("/undated"))).toMatchObject({ hit: "true", ttl: "10" });
  },
);

describe("HEAD about what is stale", () => {
  clause(
    "is answered from it where GET would be, when no server answers (RFC 5861 4)",
    async () => {
      const control = "Cache-Control: max-age=10, stale-if-error=600";
      let fault: string | null = null;
      let fails = false;
      origin.say = () => (fails ? fault : words("200 OK", [control, 'ETag: "a"'], "held"));
      for (const said of [null, words("503 Service Unavailable", [])]) {
        fails = false;
        fault = said;
        const path = `/head-stale-${said === null}`;
        await get(path);
        c.stage.clock.advance(20_000);
        fails = true;
        const reply = await get(path, {}, "HEAD");
        expect([reply.status, reply.headers.get("content-length")]).toEqual([200, "4"]);
        const status = said === null ? {} : { "fwd-status": "503" };
        expect(ours(reply)).toEqual({
          ...{ fwd: "stale", ttl: "-10", detail: "stale-if-error" },
          ...status,
        });
        expect((await get(path)).text).toBe("held");
      }
    },
  );

  clause("that goes to its server says so in Cache-Status (RFC 9211 2.2)", async () => {
    origin.say = () => words("200 OK", ["Cache-Control: max-age=10", 'ETag: "a"'], "held");
    await get("/head-fwd");
    c.stage.clock.advance(20_000);
    const head = 'HTTP/1.1 200 OK\r\nETag: "a"\r\nCache-Control: max-age=10\r\nContent-Length: 4';
    origin.say = ({ line }) => (line.startsWith("HEAD") ? `${head}\r\n\r\n` : null);
    expect(ours(await get("/head-fwd", {}, "HEAD"))).toMatchObject({
      ...{ fwd: "stale", "fwd-status": "200" },
    });
    expect(ours(await get("/head-fwd")).hit).toBe("true");
  });
});

clause(
  "what its server says is gone does not come back when that server is out of reach",
  async () => {
    for (const status of ["404 Not Found", "410 Gone"]) {
      const path = `/gone-${status.slice(0, 3)}`;
      origin.say = () => words("200 OK", ["Cache-Control: max-age=10", 'ETag: "a"'], "held");
      await get(path);
      c.stage.clock.advance(20_000);
      origin.say = () => words(status, []);
      expect((await get(path)).status).toBe(Number(status.slice(0, 3)));
      c.stage.clock.advance(11_000);
      origin.say = () => null;
      expect((await get(path)).status).toBe(502);
    }
  },
);

clause("another variant is a vary-miss in Cache-Status (RFC 9211 2.2)", async () => {
  origin.say = ({ fields }) =>
    words("200 OK", ["Cache-Control: max-age=60", "Vary: X-Kind"], fields.get("x-kind"));
  expect(ours(await get("/kinds", { "x-kind": "a" })).fwd).toBe("uri-miss");
  expect(ours(await get("/kinds", { "x-kind": "b" })).fwd).toBe("vary-miss");
  expect(ours(await get("/kinds", { "x-kind": "b" })).hit).toBe("true");
});

describe("Max-Forwards of OPTIONS (RFC 9110 7.6.2)", () => {
  clause("is one less at the web server", async () => {
    origin.say = () => words("204 No Content", ["Allow: GET"]).replace("Content-Length: 0\r\n", "");
    expect((await get("/max", { "max-forwards": "3" }, "OPTIONS")).status).toBe(204);
    expect(log.at(-1)?.fields.get("max-forwards")).toBe("2");
  });

  clause("of nothing ends here", async () => {
    origin.say = () => words("200 OK", [], "not reached");
    const reply = await get("/max", { "max-forwards": "0" }, "OPTIONS");
    expect([reply.status, reply.headers.get("allow") !== null, log.length]).toEqual([
      ...[204, true, 0],
    ]);
  });

  clause("says nothing of other methods", async () => {
    origin.say = () => words("200 OK", ["Cache-Control: no-store"], "reached");
    expect((await get("/max-get", { "max-forwards": "0" })).text).toBe("reached");
  });
});

clause("a 304 that nobody asked for is no answer, twice neither", async () => {
  origin.say = () => words("304 Not Modified", ['ETag: "a"']);
  expect((await get("/unasked-304")).status).toBe(502);
});

clause("a part that nobody asked for is not taken for the whole (RFC 9110 15.3.7)", async () => {
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

clause(
  "only-if-cached is answered by what is held, else with 504 and no question (RFC 9111 5.2.1.7)",
  async () => {
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "held");
    const only = { "cache-control": "only-if-cached" };
    expect([(await get("/only", only)).status, log.length]).toEqual([504, 0]);
    await get("/only");
    const reply = await get("/only", only);
    expect([reply.status, reply.text, log.length]).toEqual([200, "held", 1]);
  },
);

clause("whatever has no Date gets the time at which it came (RFC 9110 6.6.1)", async () => {
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

// Over HTTP/2 the runtime says "0" of what has no content; no client reads a body by that there.
clause("HEAD of what has no content says no other length (RFC 9110 8.6)", async () => {
  for (const control of ["max-age=60", "no-store"]) {
    origin.say = () => `HTTP/1.1 204 No Content\r\nCache-Control: ${control}\r\n\r\n`;
    for (const method of ["GET", "HEAD", "GET", "HEAD"]) {
      const reply = await get(`/empty-${control}`, {}, method);
      const length = reply.headers.get("content-length") ?? "0";
      expect([control, method, reply.status, length]).toEqual([control, method, 204, "0"]);
    }
  }
});

test("after HEAD without a length the next answer begins at once: there is no body, not an empty one", async () => {
  origin.say = ({ line }) =>
    line.startsWith("HEAD")
      ? "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\n"
      : words("200 OK", ["Cache-Control: no-store"], "next");
  const client = connect(c.stage.edge.httpPort, c.stage.address);
  let text = "";
  client.on("data", (chunk) => {
    text += chunk;
  });
  const asked = (method: string) => `${method} /none HTTP/1.1\r\nHost: ${SITE}\r\n\r\n`;
  client.write(asked("HEAD"));
  await until(() => text.includes("\r\n\r\n"));
  client.write(asked("GET"));
  await until(() => text.endsWith("next"));
  client.destroy();
  const [head, second] = text.split("\r\n\r\n");
  expect([/content-length/i.test(head!), second!.startsWith("HTTP/1.1 200")]).toEqual([
    false,
    true,
  ]);
});

clause("HEAD says no length where its server says none (RFC 9110 8.6)", async () => {
  for (const status of ["200 OK", "404 Not Found", "503 Service Unavailable"]) {
    origin.say = () => `HTTP/1.1 ${status}\r\nCache-Control: no-store\r\nETag: "a"\r\n\r\n`;
    const reply = await get(`/no-length-${status.slice(0, 3)}`, {}, "HEAD");
    const length = reply.headers.get("content-length");
    expect([reply.status, reply.headers.get("etag"), length, reply.text]).toEqual([
      ...[Number(status.slice(0, 3)), '"a"', null, ""],
    ]);
  }
  origin.say = () => "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 7\r\n\r\n";
  expect((await get("/length", {}, "HEAD")).headers.get("content-length")).toBe("7");
});

clause(
  "a rule that sends all of a site to one page does not send that page in a circle",
  async () => {
    origin.say = () => words("200 OK", ["Cache-Control: max-age=60"], "pause");
    const names = [MOVED, MOVED_WITH_QUERY].flatMap((name) => [name, `c.${ZONE}/${name}`]);
    for (const at of names.map((name) => `http://${name}`)) {
      const sent = await c.via(`${at}/shop?a=1`);
      expect(sent.status).toBe(302);
      const there = await c.via(new URL(sent.headers.get("location")!, `${at}/shop`).href);
      expect([there.status, there.text]).toEqual([200, "pause"]);
    }
  },
);
