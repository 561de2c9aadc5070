import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Explanation } from "../../src/model/api/mod.ts";
import { addressesOf, ask } from "../lab/ask.ts";
import { type Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
let running: Program | null = null;
let token = "";
/** As pfx2as has it; the operator's own group holds 198.51.100.0/24. */
const TABLE = `; made for a test
203.0.113.0\t24\t64500
203.0.113.128\t25\t64501_64502
198.51.100.0/25 64500
127.0.0.0/8 64500
2001:db8::/32 64500
`;

beforeAll(async () => {
  const node = smallNode({ address: at(1), data: folder.join("data") });
  running = startTurnpike(upArgs(folder, "node", node));
  await running.says("ready");
  token = await api.signIn();
  const site = {
    hostname: HOSTNAME,
    onboarding: "delegation",
    port: PORTS.origin,
    origins: [2, 3].map((n, i) => ({ name: `o${i + 1}`, v4: at(n), state: "up" })),
  };
  const customers = [{ name: "shop", plan: "by-use", sites: [site] }];
  const network = {
    ...smallNetwork({ address: at(1), origins: [] }),
    clientGroups: [{ name: "own", prefixes: ["198.51.100.0/24"] }],
    customers,
  };
  await api.must("POST", "/apply", { network });
}, 60_000);

afterAll(async () => {
  await running?.kill();
  folder.remove();
}, 30_000);

function cli(...args: readonly string[]) {
  const env = { TURNPIKE_URL: `http://${at(1)}:${PORTS.control}`, TURNPIKE_TOKEN: token };
  return runTurnpike(args, env);
}

test("a table of prefixes and systems makes groups for clients in none, and rules name them", async () => {
  const wrong = folder.file("wrong.txt", `${TABLE}nonsense\n203.0.113.0/24 none\n`);
  const refused = await cli("group", "import", wrong);
  expect(refused.code).toBe(2);
  expect(refused.output).toContain("line 7");
  expect(refused.output).toContain("line 8");
  const table = folder.file("table.txt", TABLE);
  const done = await cli("group", "import", table, "--as", "64500");
  expect([done.code, done.output]).toEqual([0, expect.stringContaining("2 groups of 4 prefixes")]);
  expect(done.output).toContain("1 prefixes are left to your own groups");
  const groupOf = async (client: string) => {
    const why: Explanation = await api.must("GET", `/explain?name=${HOSTNAME}&client=${client}`);
    return why.group;
  };
  const taken = async () => (await groupOf("203.0.113.7")) === "as64500";
  await until(taken, { what: "the groups to be there", withinMs: 20_000 });
  const groups = ["198.51.100.7", "203.0.113.200", "2001:db8::7", "192.0.2.1"].map(groupOf);
  expect(await Promise.all(groups)).toEqual(["own", "as-other", "as64500", "default"]);
  // Whoever is in that system gets the second server; this test asks from 127.0.0.0/8, too.
  const { network } = await api.must("GET", "/network");
  const chain = [{ filter: "map", rules: [{ to: ["o2"], as: [64500] }] }];
  network.customers[0].sites[0].steering = { chain };
  await api.must("POST", "/apply", { network });
  const mapped = async () => {
    const packet = await ask({ host: at(1), port: PORTS.dns }, HOSTNAME, "A", 2000);
    return addressesOf(packet)[0] === at(3);
  };
  await until(mapped, { what: "the rule to be in force", withinMs: 20_000, everyMs: 100 });
}, 120_000);
