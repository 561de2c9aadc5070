// A node whose cache has several processes: what holds for one process holds for all of them together.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Agent } from "node:http";
import { until } from "../lab/process.ts";
import { BURST, bodyOf, WORKERS, WorkersWorld } from "./workers-world.ts";

const w = new WorkersWorld();
beforeAll(() => w.start(), 120_000);
afterAll(() => w.stop(), 30_000);

const NAMES = Array.from({ length: WORKERS }, (_, i) => `cache-${i + 1}`);

test("a crowd that misses at all workers costs the origin one fetch", async () => {
  const gate = Promise.withResolvers<void>();
  w.gate = gate.promise;
  let sent = 0;
  const coming = Array.from({ length: 600 }, () => w.get("/crowd", { sent: () => sent++ }));
  await until(() => sent === coming.length && w.asked.has("/crowd"), { what: "all to have asked" });
  gate.resolve();
  const said = await Promise.all(coming);
  expect(said.filter((one) => !one.body.equals(bodyOf("/crowd"))).length).toBe(0);
  expect(w.asked.get("/crowd")).toBe(1);
}, 90_000);

test("what clients got is what is billed, whichever process gave it", async () => {
  const sizes = [0, 1_000, 40_000, 300_000, 1_500_000];
  for (const size of sizes) {
    const path = `/billed?size=${size}`;
    await w.many(6, path);
    const ranged = await w.get(path, { fields: { range: "bytes=0-99" } });
    expect([ranged.status, ranged.body.length]).toEqual(size === 0 ? [416, 0] : [206, 100]);
    expect((await w.get(path, { method: "HEAD" })).status).toBe(200);
    expect((await w.get(`${path}&posted`, { method: "POST" })).body.length).toBe(size);
  }
  await w.untilBilled();
}, 90_000);

test("an object lies in each worker's memory, and a purge that is acknowledged holds for all", async () => {
  for (const order of [{ path: "/purged" }, { prefix: "/purg" }, { all: true }]) {
    await w.many(40, "/purged");
    w.version++;
    const before = await w.many(40, "/purged");
    expect(new Set(before.map((one) => one.body.toString("latin1", 0, 12)))).toEqual(
      new Set([bodyOf("/purged", w.version - 1).toString("latin1", 0, 12)]),
    );
    await w.purge(order);
    const after = await w.many(40, "/purged");
    expect(after.filter((one) => !one.body.equals(bodyOf("/purged", w.version))).length).toBe(0);
  }
}, 90_000);

test("a purge holds for a worker that comes back meanwhile, and while the keeper comes back", async () => {
  await w.many(40, "/restarted");
  w.version++;
  const worker = await w.kill("cache-2");
  await w.purge({ path: "/restarted" });
  await w.back("cache-2", worker);
  const after = await w.many(40, "/restarted");
  expect(after.filter((one) => !one.body.equals(bodyOf("/restarted", w.version))).length).toBe(0);
  w.version++;
  const keeper = await w.kill("cache");
  await w.purge({ path: "/restarted" });
  const later = await w.many(40, "/restarted");
  expect(later.filter((one) => !one.body.equals(bodyOf("/restarted", w.version))).length).toBe(0);
  await w.back("cache", keeper);
}, 90_000);

test("HTTPS is answered out of the same cache", async () => {
  await w.get("/secure");
  const said = await w.get("/secure", { secure: true });
  expect([said.status, said.cacheStatus.includes("; hit")]).toEqual([200, true]);
  expect(said.body.equals(bodyOf("/secure", w.version))).toBe(true);
  expect(w.asked.get("/secure")).toBe(1);
}, 90_000);

test("a rate limit lets as many through as it says, whichever worker they come to", async () => {
  const said = await w.many(4 * BURST, "/limited/a");
  expect(said.filter((one) => one.status === 200).length).toBe(BURST);
  expect(said.filter((one) => one.status === 429).length).toBe(3 * BURST);
}, 90_000);

test("an unsafe method to one worker ends what the others hold", async () => {
  await w.many(40, "/changed");
  w.version++;
  expect((await w.get("/changed", { method: "POST" })).status).toBe(200);
  const after = await w.many(40, "/changed");
  expect(after.filter((one) => !one.body.equals(bodyOf("/changed", w.version))).length).toBe(0);
}, 90_000);

test("a worker killed costs its connections and nothing else; it comes back", async () => {
  const clients = Array.from({ length: 30 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  // All looked up at once, and asked on then: a connection that is quiet for ten seconds is closed.
  const ports = await Promise.all(
    clients.map(async (agent) => (await w.get("/steady", { agent })).port),
  );
  const found = w.ownersOf(ports);
  const owners = new Map(clients.map((agent, i) => [agent, found[i] ?? "nobody"]));
  let isOver = false;
  const failed = new Set<Agent>();
  const loops = clients.map(async (agent) => {
    while (!isOver) {
      const said = await w.get("/steady", { agent }).catch(() => null);
      if (said === null) return void failed.add(agent);
      expect(said.body.equals(bodyOf("/steady", w.version))).toBe(true);
    }
  });
  expect([...new Set(owners.values())].sort()).toEqual(NAMES);
  const before = await w.kill("cache-1");
  for (let i = 0; i < 50; i++) expect((await w.get("/steady")).status).toBe(200);
  await w.back("cache-1", before);
  for (let i = 0; i < 50; i++) expect((await w.get("/steady")).status).toBe(200);
  isOver = true;
  await Promise.all(loops);
  for (const agent of clients) agent.destroy();
  const lost = [...failed].map((agent) => owners.get(agent));
  expect(new Set(lost)).toEqual(new Set(["cache-1"]));
  expect(failed.size).toBe([...owners.values()].filter((owner) => owner === "cache-1").length);
}, 90_000);

test("the keeper killed costs no client anything: hits go on, misses are fetched", async () => {
  await w.many(40, "/kept");
  let isOver = false;
  let asked = 0;
  const loops = Array.from({ length: 8 }, async (_, n) => {
    while (!isOver) {
      const path = asked++ % 2 === 0 ? "/kept" : `/missed/${n}/${asked}`;
      const said = await w.get(path);
      expect([said.status, said.body.equals(bodyOf(path, w.version))]).toEqual([200, true]);
    }
  });
  const before = await w.kill("cache");
  const gone = asked;
  await until(() => asked > gone + 50, { what: "requests while it is away" });
  await w.back("cache", before);
  const back = asked;
  await until(() => asked > back + 50, { what: "requests after it is back" });
  isOver = true;
  await Promise.all(loops);
}, 90_000);

test("killed while they fill, keeper and workers: each later hit has the origin's SHA-256", async () => {
  const paths = Array.from({ length: 80 }, (_, i) => `/fill/${i}?size=${500 + i * i * 180}`);
  let isOver = false;
  let filled = 0;
  const loops = Array.from({ length: 6 }, async (_, n) => {
    for (let i = n; !isOver; i = (i + 7) % paths.length) {
      // A connection of a process that is killed breaks: that is not the question here.
      const said = await w.get(paths[i]!).catch(() => null);
      if (said === null || said.status !== 200) continue;
      expect(said.body.equals(bodyOf(paths[i]!, w.version))).toBe(true);
      filled++;
    }
  });
  for (const name of ["cache", "cache-1", "cache"]) {
    const from = filled;
    await until(() => filled > from + 20, { what: "some to be filled" });
    await w.back(name, await w.kill(name));
  }
  isOver = true;
  await Promise.all(loops);
  let hits = 0;
  const wrong: string[] = [];
  const round = async () => {
    for (const path of paths) {
      const said = await w.get(path);
      if (!said.body.equals(bodyOf(path, w.version))) wrong.push(path);
      if (said.cacheStatus.includes("; hit")) hits++;
    }
    return hits > paths.length / 2;
  };
  // One that has just come back is behind the purge log, and asks the origin until it is not.
  await until(round, { what: "hits", withinMs: 40_000 });
  expect(wrong).toEqual([]);
}, 120_000);
