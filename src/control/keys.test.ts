import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ZoneKeysView } from "../model/api/mod.ts";
import type { ZoneKeySet } from "../model/zone-keys.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";
import { askSecrets } from "./secrets.fixture.ts";

let world: ControlWorld | null = null;
afterEach(async () => {
  await world?.stop();
  world = null;
});

const SIGNED = NETWORK_YAML.replace(
  "plan: flat",
  "plan: flat\n    zones: [{name: signed.example, dnssec: true}, {name: ed.example, dnssec: ed25519}]",
).replace("zone: cdn.example", "zone: cdn.example\ndnssec: true");
const HOUR_MS = 3_600_000;

async function started(): Promise<{ world: ControlWorld; headers: Record<string, string> }> {
  const made = await startControlWorld();
  world = made;
  const headers = await made.token(OPERATOR);
  const { status } = await made.call("POST", "/apply", { headers, body: { yaml: SIGNED } });
  expect(status).toBe(200);
  return { world: made, headers };
}

async function keysOf(w: ControlWorld, have = ""): Promise<ZoneKeySet> {
  const set = await askSecrets(w.bus, "zone.keys", have);
  if (set === null) throw new Error("nothing new");
  return set;
}

test("every zone that is to be signed gets a key once, by the algorithm that its file names", async () => {
  const { world: w, headers } = await started();
  const { keys, digest } = await keysOf(w);
  expect(keys.map((key) => [key.zone, key.algorithm, key.state]).sort()).toEqual([
    ["cdn.example", 13, "active"],
    ["ed.example", 15, "active"],
    ["signed.example", 13, "active"],
  ]);
  expect(await askSecrets(w.bus, "zone.keys", digest)).toBeNull();
  await w.restart();
  expect((await keysOf(w)).digest).toBe(digest);
  const read = await w.call<ZoneKeysView>("GET", "/zones/signed.example/keys", { headers });
  expect(read.body.ds).toHaveLength(1);
  expect(read.body.ds[0]).toMatch(/^signed\.example\. IN DS \d+ 13 2 [0-9A-F]{64}$/);
  const plain = await w.call("GET", "/zones/www.shop.example/keys", { headers });
  expect(plain.status).toBe(404);
});

test("private keys are nowhere but on the bus and, sealed, in one file", async () => {
  const { world: w, headers } = await started();
  const { keys } = await keysOf(w);
  const secrets = keys.map((key) => key.privateKey);
  const seen = [JSON.stringify(w.published)];
  for (const path of ["/zones/cdn.example/keys", "/network", "/audit", "/snapshots"]) {
    seen.push(JSON.stringify((await w.call("GET", path, { headers })).body));
  }
  for (const name of readdirSync(w.dataDir, { recursive: true, encoding: "utf8" })) {
    const file = join(w.dataDir, name);
    if (!statSync(file).isFile()) continue;
    const octets = readFileSync(file);
    seen.push(octets.toString("latin1"));
    for (const secret of secrets) {
      expect([name, octets.includes(Buffer.from(secret, "base64"))]).toEqual([name, false]);
    }
  }
  for (const secret of secrets) expect(seen.some((text) => text.includes(secret))).toBe(false);
  expect(statSync(join(w.dataDir, "zone-keys.secret")).mode & 0o777).toBe(0o600);
});

test("a roll goes step by step, not before resolvers have let go, and both keys are told of", async () => {
  const { world: w, headers } = await started();
  const roll = (body: object = {}) =>
    w.call<ZoneKeysView>("POST", "/zones/signed.example/roll", { headers, body });
  const states = async () => {
    const { keys } = await keysOf(w);
    return keys.filter((key) => key.zone === "signed.example").map((key) => key.state);
  };
  const before = (await roll()).body;
  expect(await states()).toEqual(["active", "prepared"]);
  expect(before.ds).toEqual([before.keys[0]!.ds]);
  expect((await roll()).status).toBe(409);
  w.clock.advance(2 * HOUR_MS);
  const during = (await roll()).body;
  expect(await states()).toEqual(["retiring", "active"]);
  expect(during.ds).toEqual([during.keys[1]!.ds]);
  w.clock.advance(2 * HOUR_MS);
  expect((await roll()).status).toBe(409);
  w.clock.advance(24 * HOUR_MS);
  const after = (await roll()).body;
  expect(await states()).toEqual(["active"]);
  expect(after.ds).toEqual(during.ds);
  expect((await roll()).status).toBe(200);
  expect((await roll({ early: true })).status).toBe(200);
  expect(await states()).toEqual(["retiring", "active"]);
  const { body } = await w.call<{ action: string }[]>("GET", "/audit", { headers });
  expect(body.filter((row) => row.action === "zone.roll")).toHaveLength(5);
});
