import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkDecoder, parseResponseHead } from "./mod.ts";

describe("parseResponseHead()", () => {
  test("reads status, fields in their order, and how the body ends", () => {
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-A:  b c \t\r\nX-A:\r\nVia : 1.1 x";
    expect(parseResponseHead(text)).toEqual({
      status: 200,
      fields: [
        ["content-length", "12"],
        ["x-a", "b c"],
        ["x-a", ""],
        ["via", "1.1 x"],
      ],
      framing: { kind: "length", bytes: 12 },
      keeps: true,
    });
    expect(parseResponseHead("HTTP/1.1 200\r\nTransfer-Encoding: Chunked")).toMatchObject({
      framing: { kind: "chunked" },
    });
    expect(parseResponseHead("HTTP/1.0 404 \xe9")).toMatchObject({
      ...{ status: 404, framing: { kind: "close" }, keeps: false },
    });
    expect(parseResponseHead("HTTP/1.1 204 x\r\nConnection: x, Close")).toMatchObject({
      keeps: false,
    });
  });

  const faulty: readonly (readonly [string, string])[] = [
    ["status-line", "HTTP/1.1 200OK"],
    ["status-line", "HTTP/1.1  200 OK"],
    ["status-line", "HTTP/2 200 OK"],
    ["status-line", "HTTP/1.1 600 OK"],
    ["status-line", "HTTP/1.1 99 OK"],
    ["status-line", "http/1.1 200 OK"],
    ["status-line", "HTTP/1.1 200 O\0K"],
    ["status-line", ""],
    ["field", "HTTP/1.1 200 OK\r\nabc"],
    ["field", "HTTP/1.1 200 OK\r\n: x"],
    ["field", "HTTP/1.1 200 OK\r\nx y: z"],
    ["field", "HTTP/1.1 200 OK\r\nx: a\r\n folded"],
    ["field", "HTTP/1.1 200 OK\r\nx: a\nTransfer-Encoding: chunked"],
    ["field", "HTTP/1.1 200 OK\r\nx: a\rb"],
    ["field", "HTTP/1.1 200 OK\r\nx: a\x7f"],
    ["two-framings", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"],
    ["two-framings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1"],
    ["two-framings", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1"],
    ["two-framings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x"],
    ["content-length", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1"],
    ["content-length", "HTTP/1.1 200 OK\r\nContent-Length: +1"],
    ["content-length", "HTTP/1.1 200 OK\r\nContent-Length: 0x1"],
    ["content-length", "HTTP/1.1 200 OK\r\nContent-Length:"],
    ["content-length", `HTTP/1.1 200 OK\r\nContent-Length: ${"9".repeat(16)}`],
    ["transfer-coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked"],
    ["transfer-coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked"],
    ["transfer-coding", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked"],
  ];
  for (const [fault, text] of faulty) {
    test(`says ${fault} of ${JSON.stringify(text).slice(0, 80)}`, () => {
      expect(parseResponseHead(text)).toEqual({ fault } as never);
    });
  }

  test("takes time in proportion to what it reads, whatever that is", () => {
    const blanks = " ".repeat(60_000);
    for (const line of [`x:${blanks}\x01`, `x:${"a ".repeat(30_000)}\x01`, `x${blanks}`]) {
      const before = performance.now();
      expect(parseResponseHead(`HTTP/1.1 200 OK\r\n${line}`)).toEqual({ fault: "field" });
      expect(performance.now() - before).toBeLessThan(500);
    }
  });

  test("takes so many fields, and no more", () => {
    const head = (count: number) => {
      return ["HTTP/1.1 200 OK", ...Array.from({ length: count }, (_, i) => `x-${i}: a`)].join(
        "\r\n",
      );
    };
    expect(parseResponseHead(head(256))).toMatchObject({ status: 200 });
    expect(parseResponseHead(head(257))).toEqual({ fault: "too-many-fields" });
    expect(parseResponseHead(head(257), 512)).toMatchObject({ status: 200 });
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
        parseResponseHead(text);
        parseResponseHead(`HTTP/1.1 200 OK\r\n${text}`);
      }),
    );
  });
});

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

function decode(whole: Uint8Array, cuts: readonly number[]) {
  const decoder = new ChunkDecoder();
  const body: number[] = [];
  let from = 0;
  for (const to of [...cuts, whole.length]) {
    const said = decoder.push(whole.subarray(from, to), (piece) => body.push(...piece));
    if (typeof said === "number") return { body, taken: from + said };
    if (said === "bad") return { body, taken: "bad" };
    from = to;
  }
  return { body, taken: "more" };
}

describe("ChunkDecoder", () => {
  test("gives the same body however the bytes are cut, and leaves what comes after", () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
    const cut = fc.nat({ max: 400 });
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), fc.array(cut), fc.boolean(), (all, at, t) => {
        const parts = all.flatMap((one) => [
          ...bytes(`${one.length.toString(16)};a="b"\r\n`),
          ...one,
          ...bytes("\r\n"),
        ]);
        const coded = [...parts, ...bytes(`0\r\n${t ? "X-T: 1\r\n" : ""}\r\n`)];
        const whole = Uint8Array.from([...coded, ...bytes("HTTP/1.1 200")]);
        const cuts = at.map((n) => Math.min(n, whole.length)).sort((a, b) => a - b);
        expect(decode(whole, cuts)).toEqual({
          ...{ body: all.flatMap((one) => [...one]), taken: coded.length },
        });
      }),
    );
  });

  const bad = [
    ..."5\nhello\r\n0\r\n\r\n|5\r\nhello\n0\r\n\r\n|5;a\nb\r\nhello\r\n0\r\n\r\n|0x5\r\nhello".split(
      "|",
    ),
    ..."-5\r\nhello|+5\r\nhello| 5\r\nhello|5 \r\nhello|5\r\nhelloX\r\n|\r\n0\r\n\r\n|0\r\nX: 1\n\r\n".split(
      "|",
    ),
    `${"0".repeat(20)}5\r\nhello\r\n0\r\n\r\n`,
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    `5;${"a".repeat(5_000)}\r\nhello\r\n0\r\n\r\n`,
    `0\r\n${"X: y\r\n".repeat(5_000)}\r\n`,
  ];
  for (const text of bad) {
    test(`refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
      expect(decode(bytes(text), []).taken).toBe("bad");
    });
  }

  test("waits for what is not there yet", () => {
    expect(decode(bytes("5\r\nhello\r\n0\r\n\r"), []).taken).toBe("more");
  });
});
