/** A customer's zone: from a master file through the command line to what dig reads. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import type { DnsServer } from "../../src/dns/mod.ts";
import { testWith } from "../lab/needs.ts";
import { run } from "../lab/process.ts";
import { Folder, loopback, runTurnpike } from "../lab/turnpike.ts";
import { serveSnapshot } from "../lab/zone-peers.ts";

const FILE = `$ORIGIN shop.example.
$TTL 1h
@ IN SOA old.host. admin.old.host. ( 1 1h 1h 1w 5m )
@ MX 10 mail
mail A 192.0.2.2
svc HTTPS 1 . alpn=h2,h3 port=8443
_443._tcp.mail TLSA 3 1 1 ${"ab".repeat(32)}
odd TYPE65280 \\# 3 010203
*.w TXT "a wildcard"
`;

let world: ControlWorld;
let env: Record<string, string> = {};
const folder = new Folder();
const host = loopback()(1);
let served: DnsServer | null = null;
beforeAll(async () => {
  world = await startControlWorld();
  const yaml = NETWORK_YAML.replace(
    "      - hostname: www.news.example\n",
    "      - hostname: www.news.example\n        onboarding: delegation\n",
  );
  const headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml } });
  const token = headers.authorization?.replace("Bearer ", "") ?? "";
  env = { TURNPIKE_URL: world.control.url, TURNPIKE_TOKEN: token };
}, 30_000);
afterAll(async () => {
  await served?.stop();
  await world.stop();
  folder.remove();
});

const turnpike = (...args: string[]) => runTurnpike(["zone", ...args], env);

/** What dig prints of a name, from a name server with the newest snapshot. */
async function dig(name: string, type: string): Promise<string[]> {
  await served?.stop();
  served = await serveSnapshot(world.published.at(-1)!, host);
  const how = ["+noall", "+answer", "+nocl", "+norecurse", "+time=2"];
  const out = await run(["dig", ...how, `@${host}`, "-p", String(served.port), name, type]);
  const lines = out.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  return lines.map((line) => line.replace(/\s+/g, " "));
}

test("a wrong file changes nothing, and each problem names file, line and column", async () => {
  const file = folder.file("shop.example.zone", FILE.replace("MX 10", "MX ten"));
  const before = world.published.length;
  const { code, output } = await turnpike("import", "shop", file);
  expect(code).toBe(1);
  expect(output).toContain(`${file}:4:6: expected a number from 0 to 65535: received ten`);
  expect(world.published).toHaveLength(before);
}, 30_000);

testWith(["dig"], "what is imported and set is what dig reads", async () => {
  const file = folder.file("shop.example.zone", FILE);
  const dry = await turnpike("import", "shop", file, "--dry-run");
  expect([dry.code, dry.output]).toEqual([0, expect.stringContaining("Nothing was applied")]);
  const done = await turnpike("import", "shop", file);
  expect([done.code, done.output]).toEqual([0, expect.stringContaining("as snapshot 2")]);
  expect(done.output).toContain("left out: 1 SOA: made here");
  expect(await dig("shop.example", "MX")).toEqual(["shop.example. 3600 MX 10 mail.shop.example."]);
  expect(await dig("svc.shop.example", "HTTPS")).toEqual([
    'svc.shop.example. 3600 HTTPS 1 . alpn="h2,h3" port=8443',
  ]);
  expect((await dig("_443._tcp.mail.shop.example", "TLSA"))[0]).toContain("TLSA 3 1 1 ABAB");
  expect(await dig("odd.shop.example", "TYPE65280")).toEqual([
    "odd.shop.example. 3600 TYPE65280 \\# 3 010203",
  ]);
  expect(await dig("x.y.w.shop.example", "TXT")).toEqual([
    'x.y.w.shop.example. 3600 TXT "a wildcard"',
  ]);
  const set = await turnpike(
    "set",
    "shop.example",
    "@",
    "CAA",
    '0 issue "ca.example"',
    "--ttl",
    "60",
  );
  expect(set.code).toBe(0);
  expect(await dig("shop.example", "CAA")).toEqual(['shop.example. 60 CAA 0 issue "ca.example"']);
  expect((await turnpike("unset", "shop.example", "odd", "TYPE65280")).code).toBe(0);
  expect(await dig("odd.shop.example", "TYPE65280")).toEqual([]);
  const beside = await turnpike("set", "www.news.example", "@", "TXT", "v=spf1 -all");
  expect(beside.code).toBe(0);
  expect(await dig("www.news.example", "TXT")).toEqual([
    'www.news.example. 3600 TXT "v=spf1 -all"',
  ]);
});

test("list and show tell of zones; an export is imported again without a change", async () => {
  const list = await turnpike("list");
  expect(list.output).toMatch(/shop\.example +shop +hosted +6\n/);
  expect(list.output).toMatch(/www\.news\.example +news +delegated +1\n/);
  expect((await turnpike("show", "shop.example")).output).toContain("10 mail.shop.example");
  const { output } = await turnpike("export", "shop.example");
  const path = folder.join("exported.zone");
  writeFileSync(path, output);
  const again = await turnpike("import", "shop", path);
  expect([again.code, again.output]).toEqual([0, expect.stringContaining("No changes")]);
}, 30_000);
