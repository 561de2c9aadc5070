// Tiers as an operator has them: processes of the program, keys from control, one bill.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { type Fleet, startFleet } from "../../src/cli/fleet.ts";
import { nodeFile } from "../../src/model/node-file.ts";
import { until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike } from "../lab/turnpike.ts";
import { ask } from "./edge-stage.ts";

const folder = new Folder();
const at = loopback();
const control = `http://${at(1)}:${PORTS.control}`;
const api = new Api(control);
const NODES = [
  { name: "mid-1", pop: "mid", address: at(1), roles: ["control", "edge"] },
  { name: "out-1", pop: "out", address: at(2), roles: ["edge"] },
  { name: "out-2", pop: "out", address: at(3), roles: ["edge"] },
];
let fleet: Fleet | null = null;
let token = "";
let version = 1;
let asked = 0;

const origin = Bun.serve({
  hostname: at(9),
  port: PORTS.origin,
  fetch: (request) => {
    if (new URL(request.url).pathname.startsWith("/img/")) asked++;
    return new Response(`v${version}`, { headers: { "cache-control": "max-age=600" } });
  },
});

beforeAll(async () => {
  const files = NODES.map(({ name, pop, address, roles }) => {
    const small = smallNode({ address, data: folder.join(name), roles });
    return nodeFile.parse({ ...small, name, pop });
  });
  fleet = await startFleet({ nodes: files, log: silentLog, logLevel: "error" });
  token = await api.signIn();
  const network = smallNetwork({ address: at(1), origins: [at(9)] });
  const [customer] = network.customers as { sites: Record<string, unknown>[] }[];
  customer!.sites[0]!.front = "caches";
  await api.must("POST", "/apply", {
    network: {
      ...network,
      pops: [{ name: "mid" }, { name: "out", parent: "mid" }],
      nodes: NODES.map(({ name, pop, address, roles }) => {
        return { name, pop, roles, addresses: { v4: address } };
      }),
    },
  });
  for (const name of ["out-1", "out-2"]) {
    const said = async () => (await get(name, "/warm")).headers.get("cache-status") ?? "";
    await until(
      async () => (await said()).endsWith("ttl=600") || (await said()).includes("; hit"),
      {
        ...{ what: "the cache to serve what it holds", withinMs: 30_000, everyMs: 100 },
      },
    );
    // Keys come by a feed of their own.
    let n = 0;
    const through = async () => (await get(name, `/keys-${n++}`)).headers.get("via") ?? "";
    await until(async () => (await through()).includes("mid-1"), {
      ...{ what: "the cache to ask its parent", withinMs: 30_000, everyMs: 100 },
    });
  }
}, 120_000);

afterAll(async () => {
  await fleet?.stop();
  await origin.stop(true);
  folder.remove();
});

/** What clients asked for, and what they got. */
const sum = { requests: 0, bytesOut: 0 };

async function get(name: string, path: string) {
  const { address } = NODES.find((node) => node.name === name)!;
  const url = `http://c.${ZONE}/${HOSTNAME}${path}`;
  const reply = await ask({ address, port: PORTS.http }, url, { fields: {}, method: "GET" });
  // Before it knows the site a cache has nobody to bill.
  if (reply.status !== 200) return reply;
  sum.requests++;
  sum.bytesOut += reply.body.length;
  return reply;
}

const cli = (...args: string[]) => runTurnpike([...args, "--server", control, "--token", token]);

test("caches of processes of their own ask their parent, a purge of all is awaited, and one client is billed", async () => {
  asked = 0;
  for (const name of ["out-1", "out-2", "out-1"]) {
    expect((await get(name, "/img/a.png")).text).toBe("v1");
  }
  expect(asked).toBe(1);
  const why = await cli("why", `http://${HOSTNAME}.${ZONE}/img/none.png`);
  expect(why.output).toContain("asks  mid-1, then its web servers");
  version = 2;
  const purged = await cli("purge", HOSTNAME, "/img/a.png", "--wait");
  expect([purged.code, purged.output]).toEqual([0, expect.stringContaining("acknowledged by")]);
  for (const { name } of NODES) expect((await get(name, "/img/a.png")).text).toBe("v2");
  expect(asked).toBe(2);
  const nodes = await cli("node", "list");
  expect(nodes.output).toMatch(/ASKS\s+CACHES\/S/);
  expect(nodes.output).toMatch(/out-1\s+out\s.*\smid\s/);
  const billed = async () => {
    const rows: (typeof sum)[] = await api.must("GET", "/customers/shop/usage");
    const add = (key: keyof typeof sum) => rows.reduce((all, row) => all + row[key], 0);
    return { requests: add("requests"), bytesOut: add("bytesOut") };
  };
  await until(async () => (await billed()).requests >= sum.requests, {
    ...{ what: "usage to reach the ledger", withinMs: 30_000, everyMs: 100 },
  });
  expect(await billed()).toEqual(sum);
}, 60_000);

test("what a POST through one cache changed, no cache of another process serves from before", async () => {
  for (const { name } of NODES) expect((await get(name, "/img/list")).text).toBe("v2");
  version = 3;
  const { address } = NODES[1]!;
  const url = `http://${HOSTNAME}:${PORTS.http}/img/list`;
  const posted = await ask({ address, port: PORTS.http }, url, { fields: {}, method: "POST" });
  expect(posted.status).toBe(200);
  for (const { name } of NODES) {
    const changed = async () => (await get(name, "/img/list")).text === "v3";
    await until(changed, { what: `${name} to have ended it`, withinMs: 10_000, everyMs: 20 });
  }
}, 60_000);

test("a parent that is killed costs no client an answer, and its objects come from the origin", async () => {
  const pid = fleet!.pids()["mid-1"]!;
  process.kill(pid, "SIGKILL");
  for (let i = 0; i < 20; i++) {
    const reply = await get(i % 2 === 0 ? "out-1" : "out-2", `/img/killed-${i}.png`);
    expect([reply.status, reply.text]).toEqual([200, `v${version}`]);
  }
}, 60_000);
