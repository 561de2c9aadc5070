// A purge is in force at every cache of a fleet within a moment, and from its receipt on nobody serves what
// was before. `npm run test:long -- purge-fleet` does so with fifty caches, each a process of its own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { silentLog } from "../../src/base/log.ts";
import { type Fleet, startFleet } from "../../src/cli/fleet.ts";
import type { PurgeView } from "../../src/model/api/mod.ts";
import { nodeFile } from "../../src/model/node-file.ts";
import { until } from "../lab/process.ts";
import { HOSTNAME, PORTS, SITE, smallNetwork, smallNode, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback } from "../lab/turnpike.ts";
import { ask } from "./edge-stage.ts";

const CACHES = Number(process.env.TURNPIKE_PURGE_CACHES ?? 4);
const PURGES = Number(process.env.TURNPIKE_PURGES ?? 12);
const START_MS = 60_000 + 4_000 * CACHES;

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const NODES = Array.from({ length: CACHES }, (_, i) => {
  return { name: `cache-${i + 1}`, address: at(10 + i) };
});
let fleet: Fleet | null = null;
let version = 1;
let origin: Bun.Server<undefined>;

beforeAll(async () => {
  origin = Bun.serve({
    ...{ hostname: at(2), port: PORTS.origin },
    fetch: () =>
      new Response(`v${version}`, {
        headers: { "cache-control": "max-age=600", "surrogate-key": "canary" },
      }),
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
  for (const { address } of NODES) {
    const hit = async () => (await get(address)).cacheStatus.includes("; hit");
    await until(hit, { what: `${address} to serve`, withinMs: START_MS, everyMs: 50 });
  }
}, START_MS);

afterAll(async () => {
  await fleet?.stop();
  await origin.stop(true);
  folder.remove();
}, 60_000);

async function get(address: string) {
  const url = `http://c.${ZONE}/${HOSTNAME}/canary`;
  const once = () => ask({ address, port: PORTS.http }, url, { fields: {}, method: "GET" });
  // Fifty caches on few processors: a connection may be closed before its cache came to look at it.
  const { text, headers } = await once().catch(once);
  return { text, cacheStatus: headers.get("cache-status") ?? "" };
}

const ORDERS = [{ path: "/canary" }, { tag: "canary" }, { prefix: "/can" }, { all: true }];

/** Orders one, and gives its receipt once all caches have acknowledged it. */
async function purge(n: number): Promise<PurgeView> {
  const order = ORDERS[n % ORDERS.length]!;
  const { number } = await api.must("POST", `${SITE}/purge`, order);
  let view: PurgeView | null = null;
  const done = async () => {
    view = await api.must("GET", `/purges/${number}`);
    return view!.missing.length === 0;
  };
  await until(done, { what: "all to acknowledge it", withinMs: 60_000, everyMs: 5 });
  return view!;
}

test(
  `of ${PURGES} purges at ${CACHES} caches, no cache serves what was before once all have acknowledged`,
  async () => {
    const each: number[] = [];
    const last: number[] = [];
    let older = 0;
    for (let n = 0; n < PURGES; n++) {
      // All hold what was before: else nothing would have to be purged.
      const before = await Promise.all(NODES.map(({ address }) => get(address)));
      expect(before.filter(({ text }) => text !== `v${version}`)).toEqual([]);
      version++;
      const { purge: made, acks } = await purge(n);
      const took = acks.map(({ atMs }) => atMs - made.atMs);
      expect(took.length).toBe(CACHES);
      each.push(...took);
      last.push(Math.max(...took));
      const after = await Promise.all(NODES.map(({ address }) => get(address)));
      older += after.filter(({ text }) => text !== `v${version}`).length;
    }
    const figures = {
      ...{ caches: CACHES, purges: PURGES, older },
      acknowledgedMs: ranks(each),
      acknowledgedByAllMs: ranks(last),
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    expect(older).toBe(0);
  },
  60_000 + PURGES * 2_000,
);

function ranks(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (part: number) => sorted[Math.ceil(part * sorted.length) - 1]!;
  return { n: sorted.length, p50: rank(0.5), p99: rank(0.99), most: rank(1) };
}
