import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenAt } from "../listen.ts";
import { SharedPort } from "./shared-port.ts";

const HOST = "127.71.1.1";
const FIXTURE = join(import.meta.dir, "shared-port.fixture.ts");
let folder = "";
let port = 0;
let all: Sharer[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "turnpike-port-"));
  const free = listenAt(() => new Response(), { hostname: HOST, port: 0 });
  port = free.port ?? 0;
  await free.stop(true);
  all = [];
});
afterEach(async () => {
  for (const one of all) await one.kill();
  rmSync(folder, { recursive: true });
});

/** One of the processes at the port. */
class Sharer {
  readonly #process = Bun.spawn([process.execPath, FIXTURE, folder, HOST, String(port)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  readonly #said = this.#process.stdout.getReader();
  readonly pid = this.#process.pid;

  constructor() {
    all.push(this);
  }

  /** Resolves when it is done. */
  async tell(line: string): Promise<void> {
    this.#process.stdin.write(`${line}\n`);
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#said.read();
      if (done) throw new Error(`It ended before "${line}" was done`);
      text += new TextDecoder().decode(value);
    }
    expect(text.trim()).toBe(line);
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}

/** Who answers new connections: enough of them that each who may is among them. */
async function answering(): Promise<{ pid: number; generation: number }[]> {
  const asked = Array.from({ length: 60 }, async () => {
    const headers = { connection: "close" };
    const answer = await fetch(`http://${HOST}:${port}/`, { headers, keepalive: false });
    return answer.text();
  });
  return [...new Set(await Promise.all(asked))].map((text) => JSON.parse(text));
}

const pidsOf = (those: readonly { readonly pid: number }[]) => those.map(({ pid }) => pid).sort();

/** All of these, and nobody else, with this generation. */
async function expectAnswering(those: readonly Sharer[], generation: number): Promise<void> {
  const said = await answering();
  expect(said.filter((one) => one.generation !== generation)).toEqual([]);
  expect(pidsOf(said)).toEqual(pidsOf(those));
}

/** Some of those that have it: to a place among those before a new one may have been moved. */
async function expectGeneration(generation: number): Promise<void> {
  const said = await answering();
  expect(said.filter((one) => one.generation !== generation)).toEqual([]);
}

/** They have generation 1 open. */
async function three(): Promise<[Sharer, Sharer, Sharer]> {
  const sharers: [Sharer, Sharer, Sharer] = [new Sharer(), new Sharer(), new Sharer()];
  for (const one of sharers) await one.tell("open 1");
  await expectAnswering(sharers, 1);
  return sharers;
}

/** As the doors of those that live do twice a second. */
function look(one: SharedPort): void {
  const fd = null;
  one.look([{ host: HOST, generation: 1, fd }]);
}

test("new connections go to the generation that is opened, process by process, in whatever order those before close", async () => {
  const sharers = await three();
  const [a, b, c] = sharers;
  for (const [generation, order] of [
    [2, [b, c, a]],
    [3, [c, a, b]],
    [4, [a, b, c]],
  ] as const) {
    for (const [i, one] of order.entries()) {
      await one.tell(`open ${generation}`);
      await expectAnswering(order.slice(0, i + 1), generation);
    }
    for (const one of order.toReversed()) {
      await one.tell("leave");
      await expectGeneration(generation);
    }
    await expectAnswering(sharers, generation);
  }
}, 60_000);

test("one that is killed while those before drain, and one that comes then, change nothing of that", async () => {
  const [a, b, c] = await three();
  for (const one of [a, b, c]) await one.tell("open 2");
  await b.kill();
  const d = new Sharer();
  await d.tell("open 2");
  await expectGeneration(2);
  await c.tell("leave");
  await expectGeneration(2);
  await a.tell("leave");
  await expectAnswering([a, c, d], 2);
}, 60_000);

test("one that is killed after it began leaves the beginning to the next", async () => {
  const [a, b, c] = await three();
  await a.tell("open 2");
  await expectAnswering([a], 2);
  await a.kill();
  await b.tell("open 2");
  await expectAnswering([b], 2);
  await c.tell("open 2");
  await expectAnswering([b, c], 2);
  for (const one of [b, c]) await one.tell("leave");
  const d = new Sharer();
  await d.tell("open 2");
  await expectAnswering([b, c, d], 2);
}, 60_000);

test("while one has its turn no other has it, but by force", async () => {
  const holder = new SharedPort(folder, "test");
  const other = new SharedPort(folder, "test");
  holder.take(() => {
    expect(other.take(() => "")).toBeNull();
    expect(other.force((turn) => turn.latest)).toBe(0);
  });
  expect(other.take((turn) => turn.latest)).toEqual({ value: 0 });
  holder.stop();
  other.stop();
});

test("one that is stopped twice closes nobody else's file", () => {
  const mine = new SharedPort(folder, "test");
  mine.stop();
  // The kernel gives the number out again.
  const other = openSync(join(folder, "other"), "w");
  mine.stop();
  expect(fstatSync(other).size).toBe(0);
  closeSync(other);
});

test("what those who were killed left on the board is forgotten", async () => {
  const [a, b, c] = await three();
  await a.tell("open 2");
  const mine = new SharedPort(folder, "test");
  expect(mine.force(({ latest, isDraining }) => [latest, isDraining])).toEqual([2, true]);
  for (const one of [b, c]) await one.kill();
  expect(mine.force(({ isDraining }) => isDraining)).toBe(true);
  await a.tell("leave");
  look(mine);
  expect(mine.force(({ latest, isDraining }) => [latest, isDraining])).toEqual([2, false]);
  await expectAnswering([a], 2);
  mine.stop();
}, 60_000);
