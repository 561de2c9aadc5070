// Who protects web servers can know every address that may ask them: a list that anybody can read and
// check, told to customers before a new node is used.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifyAddresses } from "../../src/cli/commands/addresses.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import { TableResolver } from "../../src/control/resolver.fake.ts";
import type { SignedAddresses } from "../../src/model/api/mod.ts";
import { TYPE } from "../../src/wire/dns/mod.ts";
import { run, until } from "../lab/process.ts";
import { turnpikeCommand } from "../lab/turnpike.ts";

setDefaultTimeout(30_000);

const HOOK = "127.75.5.1";
const resolver = new TableResolver();
let world: ControlWorld;
let headers: Record<string, string>;
let hook: Bun.Server<undefined>;
const told: {
  readonly list: SignedAddresses;
  readonly published: number;
  readonly host: string;
}[] = [];
let answer = 204;
/** What the webhook waits for before it answers. */
let pause: Promise<void> = Promise.resolve();

beforeAll(async () => {
  hook = Bun.serve({
    hostname: HOOK,
    port: 0,
    fetch: async (request) => {
      const list = (await request.json()) as SignedAddresses;
      const published = world.published.at(-1)?.number ?? 0;
      told.push({ list, published, host: request.headers.get("host") ?? "" });
      await pause;
      const location = { location: `http://${HOOK}:1/elsewhere` };
      return new Response(null, { status: answer, headers: answer >= 300 ? location : {} });
    },
  });
  resolver.table.set(`hook.shop.example ${TYPE.A}`, [HOOK]);
  world = await startControlWorld({ resolver });
  headers = await world.token(OPERATOR);
});
afterAll(async () => {
  await world.stop();
  await hook.stop(true);
});

interface Node {
  readonly name: string;
  readonly roles: readonly string[];
  readonly v4: string;
}
const FIRST: Node = { name: "lon-1", roles: ["dns", "edge"], v4: "127.0.1.1" };

async function apply(
  nodes: readonly Node[],
  webhook = `http://hook.shop.example:${hook.port}/new`,
) {
  const lines = nodes.map(
    ({ name, roles, v4 }) =>
      `  - {name: ${name}, pop: lon, roles: [${roles.join(", ")}], addresses: {v4: ${v4}}}`,
  );
  const yaml = NETWORK_YAML.replace(/ {2}- \{name: lon-1.*/, lines.join("\n")).replace(
    "  - name: shop\n",
    `  - name: shop\n    addressWebhook: ${webhook}\n`,
  );
  return (await world.call("POST", "/apply", { headers, body: { yaml } })).status;
}

const read = async () => (await world.call<SignedAddresses>("GET", "/addresses")).body;

test("anybody can read the list, and check it with the network's key", async () => {
  expect(await apply([FIRST, { name: "ns", roles: ["dns"], v4: "127.0.1.9" }])).toBe(200);
  const signed = await read();
  const list = verifyAddresses(signed, { key: signed.key });
  // A name server asks nobody.
  expect([list.zone, list.nodes]).toEqual([
    "cdn.example",
    [{ name: "lon-1", roles: ["edge"], v4: "127.0.1.1" }],
  ]);
  await world.restart();
  expect((await read()).key).toBe(signed.key);
});

test("a list that was changed, signed by another, or is no newer is refused", async () => {
  const signed = await read();
  const { number } = verifyAddresses(signed);
  const payload = signed.payload.replace("127.0.1.1", "127.6.6.6");
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const own = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  const forged = sign(null, Buffer.from(payload), privateKey).toString("base64");
  const other = { ...signed, payload, key: own, signature: forged };
  expect(verifyAddresses(other).nodes[0]?.v4).toBe("127.6.6.6");
  for (const [bad, o] of [
    [{ ...signed, payload }, {}],
    [{ ...signed, signature: "" }, {}],
    [{ ...signed, key: "AAAA" }, {}],
    [other, { key: signed.key }],
    [signed, { after: String(number) }],
  ] as const) {
    expect(() => verifyAddresses(bad, o)).toThrow();
  }
  verifyAddresses(signed, { after: String(number - 1), key: signed.key });
});

test("the command line prints addresses, and checks a list that was kept", async () => {
  const signed = await read();
  const file = join(world.dataDir, "addresses.json");
  const command = turnpikeCommand("addresses", "--server", world.control.url);
  expect((await run(command)).trim()).toBe("127.0.1.1");
  const json = await run([...command, "--json"]);
  expect(JSON.parse(json)).toEqual(signed);
  writeFileSync(file, json);
  const check = turnpikeCommand("addresses", "--verify", file, "--key");
  expect((await run([...check, signed.key])).trim()).toBe("127.0.1.1");
  const wrong = Buffer.alloc(32).toString("base64");
  await expect(run([...check, wrong])).rejects.toThrow("expected the key");
  rmSync(file);
});

test("a customer is told before a new node is used, and not when nothing changed", async () => {
  told.length = 0;
  const more = [FIRST, { name: "lon-2", roles: ["edge", "probe"], v4: "127.0.1.2" }];
  expect(await apply(more)).toBe(200);
  expect(told.length).toBe(1);
  const [{ list, published, host }] = told as [(typeof told)[0]];
  const now = verifyAddresses(list);
  expect(now.nodes.map((node) => node.v4)).toEqual(["127.0.1.1", "127.0.1.2"]);
  // Nobody had the snapshot yet that it tells of.
  expect([host, published, world.published.at(-1)?.number]).toEqual([
    `hook.shop.example:${hook.port}`,
    now.number - 1,
    now.number,
  ]);
  expect(await apply([...more, { name: "ns", roles: ["dns"], v4: "127.0.1.9" }])).toBe(200);
  expect(told.length).toBe(1);
});

test("a webhook that fails holds nobody up, and is not followed elsewhere", async () => {
  told.length = 0;
  for (const status of [500, 302]) {
    answer = status;
    const last = world.published.at(-1)!.number;
    expect(await apply([FIRST, { name: `lon-${status}`, roles: ["edge"], v4: "127.0.1.3" }])).toBe(
      200,
    );
    expect(world.published.at(-1)!.number).toBe(last + 1);
  }
  // Twice each time.
  expect(told.length).toBe(4);
  answer = 204;
  const nowhere = [FIRST, { name: "lon-4", roles: ["edge"], v4: "127.0.1.4" }];
  expect(await apply(nowhere, "http://169.254.169.254/latest")).toBe(422);
  resolver.table.set(`inside.shop.example ${TYPE.A}`, ["169.254.169.254"]);
  expect(await apply(nowhere, "http://inside.shop.example/latest")).toBe(200);
  expect(world.published.at(-1)!.nodes.map((node) => node.name)).toContain("lon-4");
});

test("a slow webhook is waited for, and one that was away is told again, of what is in force by then", async () => {
  const slow = Promise.withResolvers<void>();
  pause = slow.promise;
  told.length = 0;
  const first = [FIRST, { name: "lon-5", roles: ["edge"], v4: "127.0.1.5" }];
  const last = world.published.at(-1)!.number;
  const applied = apply(first);
  await until(() => told.length > 0, { what: "the webhook to be asked" });
  expect(world.published.at(-1)!.number).toBe(last);
  slow.resolve();
  expect(await applied).toBe(200);
  expect(world.published.at(-1)!.number).toBe(last + 1);

  answer = 503;
  const more = [...first, { name: "lon-6", roles: ["edge"], v4: "127.0.1.6" }];
  expect(await apply(more)).toBe(200);
  const even = [...more, { name: "lon-7", roles: ["edge"], v4: "127.0.1.7" }];
  expect(await apply(even)).toBe(200);
  told.length = 0;
  for (const [afterMs, asked] of [
    [9_000, 0],
    [2_000, 2],
    [18_000, 2],
  ] as const) {
    world.clock.advance(afterMs);
    await world.control.tellAddresses();
    expect([afterMs, told.length]).toEqual([afterMs, asked]);
  }
  answer = 204;
  world.clock.advance(3_000);
  await world.control.tellAddresses();
  expect(told.length).toBe(3);
  const now = verifyAddresses(told[2]!.list);
  expect(now.nodes.map((node) => node.name)).toContain("lon-7");
  world.clock.advance(600_000);
  await world.control.tellAddresses();
  expect(told.length).toBe(3);
});
