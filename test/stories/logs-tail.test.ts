// Who follows a site's log sees its requests as they come, and no other's; an operator may have all of them
// on the standard output.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../lab/process.ts";
import { HOSTNAME } from "../lab/small-network.ts";
import { runTurnpike } from "../lab/turnpike.ts";
import { type OneNode, startOneNode } from "./one-node-world.ts";

let world: OneNode;
let asked = 0;

beforeAll(async () => {
  world = await startOneNode({
    answer: () => new Response("ok", { headers: { "cache-control": "max-age=600" } }),
    node: { accessLog: { file: "-", format: "combined" } },
  });
  await until(async () => (await get()).status === 200, {
    ...{ what: "the cache to serve", withinMs: 20_000, everyMs: 100 },
  });
}, 60_000);

afterAll(() => world?.stop());

function get() {
  return world.get(`/a.png?n=${++asked}`);
}

for (const [format, shape] of [
  ["json", /^\{"at":"20[^"]+","node":"one","customer":.*"path":"\/[^"]*\?n=(\d+)".*"status":200/],
  ["combined", /^127\.\S+ - - \[[^\]]+\] "GET \/\S+\?n=(\d+) HTTP\/1\.1" 200 2 "-" "-"$/],
] as const) {
  test(`turnpike logs tail shows each request as it comes, as ${format}`, async () => {
    const command = ["logs", "tail", HOSTNAME, "--format", format, "--lines", "20", ...world.flags];
    const tail = runTurnpike(command);
    let ended = false;
    void tail.finally(() => {
      ended = true;
    });
    await until(
      async () => {
        await get();
        return ended;
      },
      { what: "20 lines", withinMs: 30_000, everyMs: 50 },
    );
    const { code, output } = await tail;
    const lines = output.trimEnd().split("\n");
    const numbers = lines.map((line) => Number(shape.exec(line)?.[1]));
    expect([code, lines.length]).toEqual([0, 20]);
    // From the first on, none is missing and none is there twice.
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, i) => numbers[0]! + i));
  }, 60_000);
}

test("with accessLog.file - each request is a line on the standard output", async () => {
  const last = `?n=${asked} HTTP/1.1" 200 2`;
  await world.running.says(last);
  const lines = world.running.output.match(/^127\S+ - - .*\?n=\d+ .*$/gm) ?? [];
  const numbers = lines.map((line) => Number(/\?n=(\d+) /.exec(line)?.[1]));
  expect(numbers).toEqual(Array.from({ length: asked }, (_, i) => i + 1));
});
