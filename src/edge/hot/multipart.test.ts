import { expect, test } from "bun:test";
import { multipart, streamPieces } from "./multipart.ts";

test("a streamed body of several parts has the bytes that it says, and tells of its end once", async () => {
  const ranges = [
    { first: 0, last: 3 },
    { first: 10, last: 12 },
  ];
  const made = multipart(ranges, { sizeBytes: 20, type: "text/plain", mark: "x" });
  let over = 0;
  let words = 0;
  const body = streamPieces(made.pieces, {
    read: ({ first, last }) => new Blob(["a".repeat(last + 1 - first)]).stream(),
    count: (bytes) => {
      words += bytes;
    },
    over: () => {
      over++;
    },
  });
  const text = await new Response(body).text();
  expect([text.length, words, over]).toEqual([made.bytes, made.bytes - 7, 1]);
  expect(text).toContain("Content-Range: bytes 10-12/20\r\n\r\naaa\r\n--turnpike-x--\r\n");
});
