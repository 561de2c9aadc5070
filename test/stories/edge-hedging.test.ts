import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { type Recorder, startRecorder } from "../lab/recorder.ts";
import { healthOf, Stage, snapshotOf, until } from "./edge-stage.ts";

const NET = "127.66";
const SHOP = "www.shop.example";
const reply = (text: string, status = 200) => ({
  bytes: `HTTP/1.1 ${status} X\r\nCache-Control: max-age=60\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
});

let origins: Recorder[] = [];
let stage: Stage;
/** Connections on which a request waits for its answer. */
let silent: Socket[] = [];

function publish(fetch: object): void {
  const { port } = origins[0]!;
  const named = origins.map((o, i) => ({ name: `o${i + 1}`, v4: o.address, port: o.port }));
  const site = { hostname: SHOP, customer: "shop", port, front: "caches" as const };
  stage.publish(snapshotOf([{ ...site, origins: named, fetch }]));
}

beforeAll(async () => {
  const first = await startRecorder(`${NET}.0.1`);
  origins = [first, await startRecorder(`${NET}.0.2`, first.port)];
  const site = { hostname: SHOP, customer: "shop", port: first.port };
  stage = new Stage(snapshotOf([{ ...site, origins: [] }]), `${NET}.9.1`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await Promise.all(origins.map((o) => o.stop()));
});
beforeEach(() => {
  for (const one of silent) one.destroy();
  silent = [];
  for (const [i, one] of origins.entries()) {
    one.clear();
    one.reply = () => reply(`o${i + 1}`);
  }
  stage.health = healthOf({ [`${SHOP}/o1`]: 0.1, [`${SHOP}/o2`]: 0.9 });
  stage.edge.drainStats();
});

const get = (path: string, method = "GET") => stage.get(`http://${SHOP}${path}`, {}, method);
const asked = () => origins.map((o) => o.requests.length);
const hang = (one: Recorder) => {
  one.reply = (_, socket) => {
    silent.push(socket);
    return null;
  };
};

test("a second server is asked when the first is slow, its answer is kept once and the first let go", async () => {
  publish({ hedge: 20 });
  hang(origins[0]!);
  const said = await get("/slow");
  expect([said.status, said.text]).toEqual([200, "o2"]);
  expect(asked()).toEqual([1, 1]);
  // What was given up is closed: whatever it would still say is for nobody.
  await until(() => silent.every((socket) => socket.destroyed));
  expect((await get("/slow")).headers.get("cache-status")).toContain("; hit");
  const { fetches, hedges, origins: seen } = stage.edge.drainStats();
  expect(hedges).toEqual({ [SHOP]: { asked: 1, won: 1 } });
  expect(fetches).toEqual({ [`${SHOP}/o1`]: 1, [`${SHOP}/o2`]: 1 });
  // Being slower is no failure, and the place at each server is free again.
  const told = Object.values(seen ?? {}).map(({ asked, failed, open }) => [asked, failed, open]);
  expect(told).toEqual([
    [1, 0, 0],
    [1, 0, 0],
  ]);
  expect(origins.flatMap((o) => o.malformed)).toEqual([]);
});

test("by itself no site asks twice", async () => {
  publish({});
  hang(origins[0]!);
  const plain = get("/plain");
  await until(() => silent.length === 1);
  // Somebody who came later was served by another server meanwhile; who came before the change was not.
  await earn();
  expect((await get("/hedged")).text).toBe("o2");
  silent[0]!.write(reply("o1, at last").bytes);
  expect((await plain).text).toBe("o1, at last");
  expect(stage.edge.drainStats().hedges).toEqual({ [SHOP]: { asked: 1, won: 1 } });
});

test("what changes things is never asked twice", async () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    await earn();
    hang(origins[0]!);
    const sent = get(`/change-${method}`, method);
    await until(() => silent.length === 1);
    const [socket] = silent;
    // As long as it takes for a GET that came later to have been asked twice.
    expect((await get(`/meanwhile-${method}`)).text).toBe("o2");
    socket!.write(reply("late").bytes);
    expect((await sent).text).toBe("late");
    silent = [];
  }
  const unsafe = origins.map((o) => o.requests.filter((r) => r.method !== "GET").length);
  expect(unsafe).toEqual([4, 0]);
});

/** Fetches that are answered at once, so that one may be made twice. */
async function earn(): Promise<void> {
  const before = origins[0]!.reply;
  origins[0]!.reply = () => reply("o1");
  publish({ hedge: 10_000 });
  for (let i = 0; i < 25; i++) await get(`/calm-${++calm}`);
  publish({ hedge: 10 });
  origins[0]!.reply = before;
}
let calm = 0;

test("where the faster one has no answer, the slower one's is taken", async () => {
  await earn();
  hang(origins[0]!);
  origins[1]!.reply = () => {
    for (const socket of silent) socket.write(reply("o1 after all").bytes);
    return reply("broken", 500);
  };
  const said = await get("/half");
  expect([said.status, said.text]).toEqual([200, "o1 after all"]);
  expect(asked()).toEqual([26, 1]);
  expect(stage.edge.drainStats().hedges).toEqual({ [SHOP]: { asked: 1, won: 0 } });
  const told = stage.edge.metrics();
  expect(told).toContain(`turnpike_edge_hedges_total{site="${SHOP}"}`);
  expect(told).toContain(`turnpike_edge_hedges_won_total{site="${SHOP}"}`);
});

test("one fetch in twenty at most is made twice", async () => {
  publish({ hedge: 10 });
  origins[0]!.reply = (_, socket) => {
    setTimeout(() => socket.write(reply("o1").bytes), 20);
    return null;
  };
  for (let i = 0; i < 44; i++) expect((await get(`/many-${i}`)).status).toBe(200);
  const [first = 0, second = 0] = asked();
  expect(first).toBe(44);
  // What was left of the budget before, and a twentieth of these.
  expect(second).toBeGreaterThanOrEqual(2);
  expect(second).toBeLessThanOrEqual(10 + 3);
});
