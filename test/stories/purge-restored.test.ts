// Control's database is replaced by an older copy while caches run, and customers purge at once: what is
// acknowledged then is served by no cache any more.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { silentLog } from "../../src/base/log.ts";
import { type Fleet, startFleet } from "../../src/cli/fleet.ts";
import type { PurgeView } from "../../src/model/api/mod.ts";
import { nodeFile } from "../../src/model/node-file.ts";
import { until } from "../lab/process.ts";
import { HOSTNAME, PORTS, SITE, smallNetwork, smallNode, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback } from "../lab/turnpike.ts";
import { ask } from "./edge-stage.ts";

const START_MS = 60_000;
const PATHS = ["/one", "/two", "/three"] as const;

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const NODES = [1, 2].map((n) => ({ name: `cache-${n}`, address: at(10 + n) }));
let fleet: Fleet | null = null;
let version = 1;
let origin: Bun.Server<undefined>;

beforeAll(async () => {
  origin = Bun.serve({
    ...{ hostname: at(2), port: PORTS.origin },
    fetch: ({ url }) => {
      const tag = new URL(url).pathname.slice(1);
      return new Response(`v${version}`, {
        headers: { "cache-control": "max-age=600", "surrogate-key": tag },
      });
    },
  });
  const of = (name: string, address: string, roles: readonly string[]) =>
    nodeFile.parse({ ...smallNode({ address, data: folder.join(name), roles }), name });
  const files = [
    of("control", at(1), ["control"]),
    ...NODES.map(({ name, address }) => of(name, address, ["edge"])),
  ];
  fleet = await startFleet({ nodes: files, log: silentLog, logLevel: "error" });
  await api.signIn();
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  const nodes = NODES.map(({ name, address }) => {
    return { name, pop: "here", roles: ["edge"], addresses: { v4: address } };
  });
  await api.must("POST", "/apply", { network: { ...network, nodes } });
}, START_MS);

afterAll(async () => {
  await fleet?.stop();
  await origin.stop(true);
  folder.remove();
}, 60_000);

async function get(address: string, path: string) {
  const url = `http://c.${ZONE}/${HOSTNAME}${path}`;
  const { text, headers } = await ask({ address, port: PORTS.http }, url, {
    ...{ fields: {}, method: "GET" },
  });
  return { text, cacheStatus: headers.get("cache-status") ?? "" };
}

async function acknowledged(number: number): Promise<void> {
  const done = async () => {
    const view: PurgeView = await api.must("GET", `/purges/${number}`);
    return view.missing.length === 0;
  };
  await until(done, { what: `all to acknowledge purge ${number}`, withinMs: 60_000, everyMs: 20 });
}

async function purge(order: object): Promise<number> {
  return (await api.must("POST", `${SITE}/purge`, order)).number;
}

/** All that control knows is what it knew then; it is killed, and the supervisor starts it again. */
function restore(copy: Uint8Array): void {
  const path = folder.join("control", "control", "control.db");
  writeFileSync(`${path}.copy`, copy);
  for (const end of ["-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
  renameSync(`${path}.copy`, path);
  process.kill(fleet!.pids()["control/control"]!, "SIGKILL");
}

function copyNow(): Uint8Array {
  const database = new Database(folder.join("control", "control", "control.db"));
  try {
    return database.serialize();
  } finally {
    database.close();
  }
}

test("purges that come as soon as a restored control is there are done before they are acknowledged", async () => {
  for (const { address } of NODES) {
    for (const path of PATHS) {
      const hit = async () => (await get(address, path)).cacheStatus.includes("; hit");
      await until(hit, { what: `${address} to hold ${path}`, withinMs: START_MS, everyMs: 50 });
    }
  }
  await acknowledged(await purge({ path: "/other" }));
  const copy = copyNow();
  for (let lost = 0; lost < 2; lost++) await acknowledged(await purge({ path: "/other" }));
  const before = fleet!.pids()["control/control"];
  restore(copy);
  version++;
  const numbers: number[] = [];
  const orders = [{ path: "/one" }, { tag: "two" }, { path: "/three" }];
  const isAnswered = async () => {
    if (fleet!.pids()["control/control"] === before) return false;
    numbers.push(await purge(orders[0]!));
    return true;
  };
  await until(isAnswered, { what: "control to be there again", withinMs: 60_000, everyMs: 1 });
  for (const order of orders.slice(1)) numbers.push(await purge(order));
  for (const number of numbers) await acknowledged(number);
  for (const { address } of NODES) {
    for (const path of PATHS) {
      expect([address, path, (await get(address, path)).text]).toEqual([address, path, "v2"]);
    }
  }
}, 120_000);
