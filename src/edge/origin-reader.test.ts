import { expect, test } from "bun:test";
import fc from "fast-check";
import { ResponseReader } from "./origin-reader.ts";

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/** What is read of an answer that comes in these pieces. */
function read(pieces: readonly Buffer[]) {
  const parts: Buffer[] = [];
  let over = "no";
  const reader = new ResponseReader(
    { method: "GET", port: 80 },
    {
      head: () => {},
      part: (bytes) => parts.push(Buffer.from(bytes)),
      end: (clean) => {
        over = clean ? "clean" : "spoilt";
      },
      fault: (why) => {
        over = why;
      },
    },
  );
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return { body: Buffer.concat(parts), parts: parts.length, over };
}

function chunked(chunks: readonly Uint8Array[]): Buffer {
  const all = chunks.flatMap((chunk) => {
    const size = Buffer.from(`${chunk.length.toString(16)}\r\n`);
    return [size, Buffer.from(chunk), Buffer.from("\r\n")];
  });
  return Buffer.concat([Buffer.from(HEAD), ...all, Buffer.from("0\r\n\r\n")]);
}

test("a body in chunks of any size comes whole, wherever its bytes are cut", () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(4_095, 4_096, 5_000));
  const cuts = fc.array(fc.nat(20_000), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 12 }), cuts, (all, at) => {
      let next = 0;
      const chunks = all.map((size) => Uint8Array.from({ length: size }, () => next++ & 255));
      const bytes = chunked(chunks);
      const ends = [0, ...at.sort((a, b) => a - b), bytes.length];
      const pieces = ends.slice(1).map((end, i) => bytes.subarray(ends[i], end));
      const said = read(pieces.filter((piece) => piece.length > 0));
      expect([said.over, said.body.equals(Buffer.concat(chunks))]).toEqual(["clean", true]);
    }),
    { numRuns: 100 },
  );
});

test("a body of very many chunks comes in few parts, and what was read before a bad one does, too", () => {
  const ones = Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(i & 255));
  const bytes = chunked(ones);
  const half = bytes.length / 2;
  const said = read([bytes.subarray(0, half), bytes.subarray(half)]);
  expect([said.over, said.parts]).toEqual(["clean", 2]);
  expect(said.body.equals(Buffer.concat(ones))).toBe(true);
  const bad = read([Buffer.from(`${HEAD}1\r\na\r\n1\r\nb\r\nx`)]);
  expect([bad.body.toString(), bad.over]).toEqual(["ab", "a chunk that is not valid"]);
});
