import { expect, test } from "bun:test";
import type { Connection } from "./hot/serve.ts";
import { Leaving } from "./leaving.ts";

const CONNECTION = { over: "http" } as unknown as Connection;
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A cache that is told to end, and whether its clients have left. */
function told(ms: number) {
  const leaving = new Leaving();
  const said = { isOver: false };
  const over = leaving.wait(ms).then(() => {
    said.isOver = true;
  });
  const answer = () => leaving.seen(new Response("ok"), CONNECTION).headers.get("connection");
  return { said, over, answer };
}

test("a process that stood still has not heard yet who asked meanwhile: it is not quiet", async () => {
  const { said, over, answer } = told(60_000);
  const until = performance.now() + 300;
  while (performance.now() < until);
  // Timers that are due come before what is on the sockets.
  await turn();
  expect(said.isOver).toBe(false);
  expect(answer()).toBe("close");
  await over;
});

test("it lasts as long as somebody asks, and no longer than it may", async () => {
  const { said, answer } = told(400);
  const from = performance.now();
  while (!said.isOver) {
    answer();
    await turn();
  }
  expect(performance.now() - from).toBeGreaterThanOrEqual(400);
});

test("nobody is waited for where nothing is to be finished", async () => {
  const { said } = told(0);
  await Promise.resolve();
  await Promise.resolve();
  expect(said.isOver).toBe(true);
});
