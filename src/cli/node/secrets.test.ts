/** What control gives to nodes besides certificates: in no word of the bus and no file in the open (T8). */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../../bus/mod.ts";
import { NETWORK_YAML, OPERATOR, startControlWorld } from "../../control/control-world.ts";
import { startOriginCredentials } from "./origin-credentials.ts";
import { secretWorld } from "./secret-world.fixture.ts";
import { startSigningKeys } from "./signing-keys.ts";
import { startTierKeys } from "./tier-keys.ts";
import { startExtrasFeed } from "./zone-extras.ts";
import { startKeyFeed } from "./zone-keys.ts";

// The control plane hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(60_000);

const nodeDir = mkdtempSync(join(tmpdir(), "turnpike-secrets-"));
afterAll(() => rmSync(nodeDir, { recursive: true, force: true }));

/** A secret as it could be found: as it is written, and its octets. */
function formsOf(base64: string): readonly Buffer[] {
  return [Buffer.from(base64), Buffer.from(base64, "base64")];
}

/** Of a set's contents, as they are hashed where nobody hears it. */
function digestOf({ digest: _, ...set }: object & { readonly digest: string }): string {
  const contents = Object.values(set);
  const content = contents.length === 1 ? contents[0] : set;
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

test("keys of zones, TSIG, signed addresses, web servers and caches reach a node sealed, and lie sealed", async () => {
  const control = await startControlWorld();
  const headers = await control.token(OPERATOR);
  const yaml = NETWORK_YAML.replace(
    "plan: flat",
    "plan: flat\n    zones: [{name: signed.example, dnssec: true}]",
  );
  const call = async (method: string, path: string, body: object) => {
    const { status } = await control.call(method, path, { headers, body });
    expect([path, status < 300]).toEqual([path, true]);
  };
  await call("POST", "/apply", { yaml });
  await call("POST", "/customers/shop/tsig-keys", { key: "xfr", use: "transfer" });
  await call("PUT", "/customers/shop/signing-keys/films", {});
  await call("PUT", "/customers/shop/credentials/spring", { kind: "value" });
  const heard: string[] = [];
  const request: Bus["request"] = async (subject, ask, timeoutMs) => {
    const reply = await control.bus.request(subject, ask, timeoutMs);
    heard.push(JSON.stringify([subject, ask, reply]));
    return reply;
  };
  const subscribe: Bus["subscribe"] = (subject, handler) => control.bus.subscribe(subject, handler);
  const world = secretWorld(nodeDir, { request, subscribe } as Bus);
  const zones = await startKeyFeed(world);
  const extras = await startExtrasFeed(world);
  const signing = await startSigningKeys(world);
  const credentials = await startOriginCredentials(world);
  const tiers = await startTierKeys(world);
  const feeds = [zones, extras, signing, credentials, tiers];
  // At first they have none, then they say which.
  for (const one of [...feeds, ...feeds]) await one.catchUp();
  for (const one of feeds) one.stop();
  const [shown] = credentials.set.credentials;
  const secrets = [
    ...zones.set.keys.map(({ privateKey }) => privateKey),
    ...extras.set.tsig.map(({ secret }) => secret),
    ...signing.set.keys.map(({ secret }) => secret),
    ...tiers.set.keys.map(({ secret }) => secret),
    ...(shown?.credential.kind === "value" ? [shown.credential.value] : []),
  ];
  // One of each kind.
  expect(secrets.map((secret) => secret.length > 20)).toEqual([true, true, true, true, true]);
  // Whoever hears what a set is called by cannot try what it would be of other secrets.
  const plain = feeds.map(({ set }) => digestOf(set));
  for (const one of feeds) {
    expect(heard.some((words) => words.includes(`"have":"${one.set.digest}"`))).toBe(true);
    expect(plain).not.toContain(one.set.digest);
  }
  expect(heard.filter((words) => plain.some((digest) => words.includes(digest)))).toEqual([]);
  const texts = heard.map((words): [string, Buffer] => [words.slice(0, 40), Buffer.from(words)]);
  texts.push(["snapshots", Buffer.from(JSON.stringify(control.published))]);
  for (const dir of [nodeDir, control.dataDir]) {
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      if (!statSync(path).isFile()) continue;
      texts.push([name, readFileSync(path)]);
      if (dir === nodeDir) expect([name, statSync(path).mode & 0o077]).toEqual([name, 0]);
    }
  }
  await control.stop();
  for (const [name, octets] of texts) {
    const found = secrets.filter((one) => formsOf(one).some((form) => octets.includes(form)));
    expect([name, found]).toEqual([name, []]);
  }
  const kinds = ["zone-keys", "zone-extras", "signing-keys", "origin-credentials", "tier-keys"];
  const names = texts.map(([name]) => name);
  for (const kind of kinds) expect(names).toContain(`${kind}.sealed`);
  expect(heard.filter((words) => words.includes('"sealed":')).length).toBeGreaterThanOrEqual(5);
});
