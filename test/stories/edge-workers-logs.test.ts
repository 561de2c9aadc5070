// Of a node whose cache has several processes each request is one line in each of its logs: the operator's, in
// a file or on the standard output, the one that is sent to the site's owner, and the one that is followed.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type Program, until } from "../lab/process.ts";
import {
  HOSTNAME,
  PORTS,
  SITE,
  smallNetwork,
  smallNode,
  upArgs,
  ZONE,
} from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";
import { ask } from "./edge-stage.ts";

const REQUESTS = 100;
const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const file = folder.join("access.log");
let running: Program | null = null;

/** Whole lines, by the name of their batch: one that comes again is the same. */
const delivered = new Map<string, string[]>();
const servers = [
  Bun.serve({
    hostname: at(2),
    port: PORTS.origin,
    fetch: () => new Response("ok", { headers: { "cache-control": "max-age=600" } }),
  }),
  Bun.serve({
    hostname: at(3),
    port: PORTS.origin,
    fetch: async (request) => {
      const name = request.headers.get("turnpike-log-batch") ?? "";
      const lines = gunzipSync(new Uint8Array(await request.arrayBuffer())).toString();
      if (delivered.has(name)) expect(delivered.get(name)).toEqual(lines.trimEnd().split("\n"));
      delivered.set(name, lines.trimEnd().split("\n"));
      return new Response(null, { status: 204 });
    },
  }),
];

async function start(logFile: string, workers: number): Promise<void> {
  const node = smallNode({ address: at(1), data: folder.join("data") });
  const more = { accessLog: { file: logFile }, cache: { memoryMiB: 64, diskMiB: 64, workers } };
  running = startTurnpike(upArgs(folder, "node", { ...node, ...more }));
  await running.says("ready");
  await api.signIn();
}

beforeAll(async () => {
  await start("-", 3);
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  const [customer] = network.customers as { sites: Record<string, unknown>[] }[];
  const to = `http://${at(3)}:${PORTS.origin}/in`;
  Object.assign(customer!.sites[0]!, { logs: { to, format: "json", each: 1, everySec: 1 } });
  await api.must("POST", "/apply", { network });
  await untilServed();
}, 90_000);

afterAll(async () => {
  await running?.kill();
  for (const server of servers) await server.stop(true);
  folder.remove();
});

/** Over a connection of its own: the kernel spreads them over the workers. */
async function get(query: string): Promise<number> {
  const url = `http://c.${ZONE}/${HOSTNAME}/a.png?${query}`;
  return (await ask({ address: at(1), port: PORTS.http }, url, { fields: {}, method: "GET" }))
    .status;
}

/** Until every worker knows the site. */
async function untilServed(): Promise<void> {
  const isServed = async () => {
    const said = await Promise.all(Array.from({ length: 30 }, () => get("warm").catch(() => 0)));
    return said.every((status) => status === 200);
  };
  await until(isServed, { what: "every worker to serve", withinMs: 40_000, everyMs: 100 });
}

const numbers = (phase: string) => Array.from({ length: REQUESTS }, (_, i) => `${phase}=${i}`);

async function request(phase: string): Promise<void> {
  const said = await Promise.all(numbers(phase).map(get));
  expect(said.filter((status) => status !== 200)).toEqual([]);
}

/** The requests of a phase that lines are about, in order; each line is whole. */
function inLines(lines: readonly string[], phase: string): string[] {
  const found = lines
    .filter((line) => line.includes(`?${phase}=`))
    .map((line) => {
      return (JSON.parse(line) as { path: string }).path.replace(/^.*\?/, "");
    });
  return found.sort((a, b) => Number(a.split("=")[1]) - Number(b.split("=")[1]));
}

const sent = () => [...delivered.values()].flat();

async function untilAll(what: string, lines: () => readonly string[], phase: string) {
  await until(() => inLines(lines(), phase).length >= REQUESTS, { what, withinMs: 40_000 });
  expect(inLines(lines(), phase)).toEqual(numbers(phase));
}

test("each request is one whole line on the standard output, one for the owner, and one for who follows", async () => {
  const followed: string[] = [];
  let after = "";
  const follow = async (waitMs: number) => {
    const said = await api.must("GET", `${SITE}/log?waitMs=${waitMs}${after}`);
    followed.push(...said.lines.map(({ line }: { line: string }) => line));
    expect(said.dropped).toBe(0);
    after = `&after=${said.next}`;
  };
  // Each worker hears of it by itself: lines of all of them are waited for.
  let round = 0;
  const isFollowed = async () => {
    const phase = `try${round++}`;
    await Promise.all(Array.from({ length: 40 }, () => get(`${phase}=1`)));
    for (let i = 0; i < 3; i++) await follow(600);
    return inLines(followed, phase).length === 40;
  };
  await until(isFollowed, { what: "all workers to be followed", withinMs: 40_000 });
  await request("first");
  const isAll = async () => {
    await follow(500);
    return inLines(followed, "first").length >= REQUESTS;
  };
  await until(isAll, { what: "lines for who follows", withinMs: 40_000 });
  expect(inLines(followed, "first")).toEqual(numbers("first"));
  const out = () => running!.output.split("\n").filter((line) => line.startsWith('{"at":"20'));
  await untilAll("lines on the standard output", out, "first");
  await untilAll("lines for the owner", sent, "first");
}, 120_000);

test("and one in the file that all of them write; what is left when fewer start is sent by those", async () => {
  await running?.stop();
  await start(file, 3);
  await untilServed();
  await request("second");
  await running?.stop();
  expect(inLines(readFileSync(file, "utf8").trimEnd().split("\n"), "second")).toEqual(
    numbers("second"),
  );
  await start(file, 1);
  await untilAll("lines for the owner", sent, "second");
  // Batches of several workers have names of their own: none took another's place.
  expect(inLines(sent(), "first")).toEqual(numbers("first"));
}, 120_000);
