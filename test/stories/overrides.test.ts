import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Explanation } from "../../src/model/api/mod.ts";
import { addressesOf, ask } from "../lab/ask.ts";
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
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
/** Long enough to see it hold on a machine that stands still now and then. */
const HOLDS_SEC = 8;
let running: Program | null = null;
let token = "";
const servers = [at(2), at(3)].map((hostname) => {
  return Bun.serve({ hostname, port: PORTS.origin, fetch: () => new Response("ok") });
});

beforeAll(async () => {
  const node = smallNode({ address: at(1), data: folder.join("data") });
  running = startTurnpike(upArgs(folder, "node", node));
  await running.says("ready");
  token = await api.signIn();
  const site = {
    hostname: HOSTNAME,
    onboarding: "delegation",
    port: PORTS.origin,
    steering: { preset: "failover" },
    origins: [2, 3].map((n, i) => ({ name: `o${i + 1}`, v4: at(n) })),
  };
  const customers = [{ name: "shop", plan: "by-use", sites: [site] }];
  const network = { ...smallNetwork({ address: at(1), origins: [] }), customers };
  await api.must("POST", "/apply", { network });
  await answeredWith(at(2));
}, 60_000);

afterAll(async () => {
  await running?.kill();
  for (const server of servers) await server.stop(true);
  folder.remove();
}, 30_000);

async function answeredWith(address: string): Promise<void> {
  const named = async () => {
    const packet = await ask({ host: at(1), port: PORTS.dns }, HOSTNAME, "A", 2000);
    return addressesOf(packet)[0] === address;
  };
  await until(named, { what: `${address} to be answered`, withinMs: 40_000, everyMs: 100 });
}

function cli(...args: readonly string[]) {
  const env = { TURNPIKE_URL: `http://${at(1)}:${PORTS.control}`, TURNPIKE_TOKEN: token };
  return runTurnpike(args, env);
}

async function first() {
  const why: Explanation = await api.must("GET", `/explain?name=${HOSTNAME}&client=198.51.100.7`);
  return why.decision?.reasons.find((one) => one.name === "o1");
}

test("a server that is drained until a time is left, says so, and is back when that is over", async () => {
  const drained = await cli("origin", "drain", `${HOSTNAME}/o1`, "--until", `${HOLDS_SEC}s`);
  expect([drained.code, drained.output]).toEqual([0, expect.any(String)]);
  await answeredWith(at(3));
  const verdict = (await first())?.verdicts[0];
  expect(verdict).toMatchObject({ kept: false, reason: "draining" });
  expect(verdict?.detail).toMatch(/^set by hand until \d{4}-.*Z$/);
  const listed = await cli("origin", "list", HOSTNAME);
  expect(listed.output).toMatch(/draining \(forced drain until \d{4}-.*Z\)/);
  const { origins } = await api.must("GET", `${SITE}/live`);
  expect(origins[0]).toMatchObject({ forced: "drain", state: "draining" });
  expect(origins[0].forcedUntilMs).toBeGreaterThan(Date.now() - 1000);
  // Nobody does anything, and it is over.
  await answeredWith(at(2));
  const after = await api.must("GET", `${SITE}/live`);
  expect(after.origins[0]).toMatchObject({ forced: "auto", state: "up" });
  expect(after.origins[0].forcedUntilMs).toBeUndefined();
  expect((await first())?.verdicts[0]).toMatchObject({ kept: true, reason: "healthy" });
}, 120_000);

test("a cache that is drained until a time is left by users, says so, and is back after it", async () => {
  const name = `c.${ZONE}`;
  const [node] = await api.must("GET", "/nodes");
  const drained = await cli("node", "drain", node.name, "--until", `${HOLDS_SEC}s`);
  expect([drained.code, drained.output]).toEqual([0, expect.any(String)]);
  const cache = async () => {
    const why: Explanation = await api.must("GET", `/explain?name=${name}&client=198.51.100.7`);
    return why.decision;
  };
  const left = async () => (await cache())?.reasons[0]?.verdicts[0]?.reason === "draining";
  await until(left, { what: "the cache to be drained", withinMs: 20_000 });
  // The only cache: a name is not left empty because of it.
  expect((await cache())?.allDown).toBe(true);
  const listed = await cli("node", "list");
  expect(listed.output).toMatch(/draining \(forced drain until \d{4}-.*Z\)/);
  // Nobody does anything, and it is over.
  const back = async () => (await cache())?.reasons[0]?.verdicts[0]?.reason === "healthy";
  await until(back, { what: "the cache to be back", withinMs: 40_000 });
  const odd = await cli("node", "force", node.name, "auto", "--until", "1h");
  expect([odd.code, odd.output]).toEqual([1, expect.stringContaining("expected a state to end")]);
}, 120_000);

test("a new word has an end of its own or none, and one that ends nothing is refused", async () => {
  const path = `${SITE}/origins/o1`;
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  await api.must("PATCH", path, { state: "down", until: soon });
  await api.must("PATCH", path, { weight: 2 });
  await answeredWith(at(3));
  const held = async () => (await api.must("GET", `${SITE}/live`)).origins[0];
  expect(await held()).toMatchObject({ forced: "down", forcedUntilMs: Date.parse(soon) });
  await api.must("PATCH", path, { state: "drain" });
  const drains = async () => (await held()).forced === "drain";
  await until(drains, { what: "the new word", withinMs: 20_000 });
  expect((await held()).forcedUntilMs).toBeUndefined();
  expect((await api.call("PATCH", path, { weight: 2, until: soon })).status).toBe(422);
  expect((await api.call("PATCH", path, { state: "auto", until: soon })).status).toBe(422);
  const odd = await cli("origin", "drain", `${HOSTNAME}/o1`, "--until", "soon");
  expect([odd.code, odd.output]).toEqual([1, expect.stringContaining("expected a time such as")]);
}, 120_000);
