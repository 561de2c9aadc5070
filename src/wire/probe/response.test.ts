import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ResponseProgress, ResponseReader } from "./response.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Feeds the text cut at every position in turn; all cuts must agree. */
function outcomes(text: string, bodyBytesMax = 1000): Set<string> {
  const seen = new Set<string>();
  const bytes = bytesOf(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new ResponseReader({ bodyBytesMax, keepBody: true });
    let progress = reader.push(bytes.subarray(0, cut));
    if (progress.state === "more") progress = reader.push(bytes.subarray(cut));
    if (progress.state === "more") progress = reader.end();
    seen.add(JSON.stringify([progress, reader.bodyText()]));
  }
  return seen;
}

function outcome(text: string, bodyBytesMax?: number): unknown {
  const seen = outcomes(text, bodyBytesMax);
  expect([...seen]).toHaveLength(1);
  return JSON.parse([...seen][0] ?? "null");
}

describe("ResponseReader", () => {
  test("ends a body by its length, by chunks, and by the close", () => {
    const done = { state: "done", status: 200 };
    expect(outcome("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")).toEqual([done, "hello"]);
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(outcome(`${chunked}5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n`)).toEqual([done, "hello!"]);
    expect(outcome("HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello")).toEqual([done, "hello"]);
  });

  test("ends at once without a body", () => {
    expect(outcome("HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n")).toEqual([
      { state: "done", status: 204 },
      "",
    ]);
  });

  test("skips interim responses", () => {
    const text =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
    expect(outcome(text)).toEqual([{ state: "done", status: 503 }, ""]);
  });

  test("says that garbage, an early end and a wrong length are not HTTP", () => {
    const broken: ResponseProgress = { state: "broken", reason: "not http" };
    const cases = [
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/2 200\r\n\r\n",
      "HTTP/1.1 abc\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Len",
      "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
      "",
    ];
    for (const text of cases) {
      const reader = new ResponseReader({ bodyBytesMax: 100 });
      const progress = reader.push(bytesOf(text));
      expect(progress.state === "more" ? reader.end() : progress).toEqual(broken);
    }
  });

  test("bounds header and body", () => {
    const reader = new ResponseReader({ bodyBytesMax: 100 });
    reader.push(bytesOf("HTTP/1.1 200 OK\r\n"));
    let progress = reader.push(bytesOf("x: y\r\n"));
    for (let i = 0; i < 10_000 && progress.state === "more"; i++) {
      progress = reader.push(bytesOf("x: yyyyyyyyyyyyyyyyyy\r\n"));
    }
    expect(progress).toEqual({ state: "broken", reason: "header too large" });
    const endless = new ResponseReader({ bodyBytesMax: 100, keepBody: true });
    endless.push(bytesOf("HTTP/1.1 200 OK\r\n\r\n"));
    expect(endless.push(bytesOf("x".repeat(500)))).toEqual({ state: "done", status: 200 });
    expect([endless.cut, endless.bodyText().length]).toEqual([true, 100]);
  });

  test("never throws on any bytes in any pieces", () => {
    const start = fc.constantFrom(
      "",
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    fc.assert(
      fc.property(start, fc.array(fc.uint8Array({ maxLength: 50 })), (head, pieces) => {
        const reader = new ResponseReader({ bodyBytesMax: 64, keepBody: true });
        reader.push(bytesOf(head));
        for (const piece of pieces) reader.push(piece);
        reader.end();
        expect(reader.bodyText().length).toBeLessThanOrEqual(64);
      }),
      { numRuns: 1000 },
    );
  });
});
