// Who follows a site's log sees its requests as they come, and no other's; an operator may have all of them
// on the standard output.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";
import { ask } from "./edge-stage.ts";

const folder = new Folder();
const at = loopback();
const control = `http://${at(1)}:${PORTS.control}`;
const api = new Api(control);
let running: Program | null = null;
let token = "";
let asked = 0;

const origin = Bun.serve({
  hostname: at(2),
  port: PORTS.origin,
  fetch: () => new Response("ok", { headers: { "cache-control": "max-age=600" } }),
});

beforeAll(async () => {
  const node = smallNode({ address: at(1), data: folder.join("data") });
  const accessLog = { file: "-", format: "combined" };
  running = startTurnpike(upArgs(folder, "node", { ...node, accessLog }));
  await running.says("ready");
  token = await api.signIn();
  await api.must("POST", "/apply", { network: smallNetwork({ address: at(1), origins: [at(2)] }) });
  await until(async () => (await get()).status === 200, {
    ...{ what: "the cache to serve", withinMs: 20_000, everyMs: 100 },
  });
}, 60_000);

afterAll(async () => {
  await running?.kill();
  await origin.stop(true);
  folder.remove();
});

function get() {
  const url = `http://c.${ZONE}/${HOSTNAME}/a.png?n=${++asked}`;
  return ask({ address: at(1), port: PORTS.http }, url, { fields: {}, method: "GET" });
}

for (const [format, shape] of [
  ["json", /^\{"at":"20[^"]+","node":"one","customer":.*"path":"\/[^"]*\?n=(\d+)".*"status":200/],
  ["combined", /^127\.\S+ - - \[[^\]]+\] "GET \/\S+\?n=(\d+) HTTP\/1\.1" 200 2 "-" "-"$/],
] as const) {
  test(`turnpike logs tail shows each request as it comes, as ${format}`, async () => {
    const where = ["--server", control, "--token", token];
    const command = ["logs", "tail", HOSTNAME, "--format", format, "--lines", "20", ...where];
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
  await running?.says(last);
  const lines = running?.output.match(/^127\S+ - - .*\?n=\d+ .*$/gm) ?? [];
  const numbers = lines.map((line) => Number(/\?n=(\d+) /.exec(line)?.[1]));
  expect(numbers).toEqual(Array.from({ length: asked }, (_, i) => i + 1));
});
