import { expect, test } from "bun:test";
import { Holding, passBody, readBody } from "./body.ts";

/** A body of which parts come when they are let. */
function slow(): {
  readonly body: ReadableStream<Uint8Array>;
  readonly give: (text: string) => void;
  readonly end: () => void;
  readonly fail: () => void;
} {
  let to!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      to = controller;
    },
  });
  return {
    body,
    give: (text) => to.enqueue(new TextEncoder().encode(text)),
    end: () => to.close(),
    fail: () => to.error(new Error("It broke off")),
  };
}

function options(wholeMs: number) {
  const holding = new Holding(10);
  let counted = 0;
  const count = (bytes: number) => {
    counted += bytes;
  };
  const o = { wholeBytesMax: 100, contentLength: 6, count, holding, wholeMs };
  return { o, holding, counted: () => counted };
}

test("a body that is not whole in time is sent on as it comes, with nothing lost", async () => {
  const from = slow();
  const { o, holding, counted } = options(1);
  from.give("abc");
  const read = await readBody(from, o);
  if (read.kind !== "large") throw new Error("It was waited for");
  expect(holding.take(10)).toBe(true);
  const sent = new Response(passBody(read.rest, { first: read.first, countOut: () => {} })).text();
  from.give("def");
  from.end();
  expect([await sent, counted()]).toEqual(["abcdef", 6]);
});

test("one that breaks off after that breaks off there, and one that comes in time is whole", async () => {
  const broken = slow();
  const late = await readBody(broken, options(1).o);
  if (late.kind !== "large") throw new Error("It was waited for");
  const sent = new Response(passBody(late.rest, { first: late.first, countOut: () => {} })).text();
  broken.fail();
  await expect(sent).rejects.toThrow("It broke off");
  const quick = slow();
  quick.give("abcdef");
  quick.end();
  expect((await readBody(quick, options(60_000).o)).kind).toBe("whole");
});
