// A control whose database was restored from an older copy gives numbers again that it gave before: a cache
// acknowledges no purge that it has not done, however many come before anybody could tell.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import { PurgeLog } from "../../src/edge/purge-log.ts";
import type { PurgeView } from "../../src/model/api/mod.ts";
import { until } from "../lab/process.ts";

const PURGE = "/customers/shop/sites/www.shop.example/purge";

let world: ControlWorld;
let headers: Record<string, string> = {};
let cache: PurgeLog;
let done: string[] = [];

beforeEach(async () => {
  world = await startControlWorld();
  await signIn();
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
  cache = startCache();
});
afterEach(async () => {
  await cache.stop();
  await world.stop();
});

async function signIn(): Promise<void> {
  headers = await world.token(OPERATOR);
}

function startCache(): PurgeLog {
  done = [];
  const log = new PurgeLog({
    ...{ node: "lon-1", path: join(world.dataDir, "purged.json"), bus: world.bus },
    ...{ clock: new FakeClock(), log: silentLog },
    purge: async ({ path }) => void done.push(path),
    isKeyKnown: () => true,
    ban: async (purges) => void done.push(...purges.map(({ scope, path }) => `${scope} ${path}`)),
  });
  log.start();
  return log;
}

async function purge(what: object): Promise<number> {
  const made = await world.call<{ number: number }>("POST", PURGE, { headers, body: what });
  expect(made.status).toBe(201);
  return made.body.number;
}

async function receipt(number: number): Promise<PurgeView> {
  return (await world.call<PurgeView>("GET", `/purges/${number}`, { headers })).body;
}

function acknowledged(number: number): Promise<void> {
  const is = async () => (await receipt(number)).missing.length === 0;
  return until(is, { what: `purge ${number} to be acknowledged`, withinMs: 20_000 });
}

/** Three purges are done; then a copy is restored that knows of the first alone. */
async function restoreLost(): Promise<void> {
  const database = join(world.dataDir, "control.db");
  await acknowledged(await purge({ path: "/kept" }));
  await world.restart(() => copyFileSync(database, `${database}.copy`));
  await signIn();
  for (const path of ["/lost-1", "/lost-2"]) await acknowledged(await purge({ path }));
  await world.restart(() => {
    for (const end of ["-wal", "-shm"]) rmSync(`${database}${end}`, { force: true });
    copyFileSync(`${database}.copy`, database);
  });
  await signIn();
  done = [];
}

test("what a restored control purges is done before it is acknowledged", async () => {
  await restoreLost();
  const orders = [{ path: "/new-1" }, { tag: "new-2" }, { path: "/new-3" }, { prefix: "/new-4" }];
  const numbers = await Promise.all(orders.map((what) => purge(what)));
  await Promise.all(numbers.map((number) => acknowledged(number)));
  for (const of of ["/new-1", "tag new-2", "/new-3", "prefix /new-4"]) expect(done).toContain(of);
});
