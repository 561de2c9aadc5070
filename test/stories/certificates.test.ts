import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LocalBus } from "../../src/bus/mod.ts";
import { startCertificates } from "../../src/cli/node/certificates.ts";
import { secretWorld } from "../../src/cli/node/secret-world.fixture.ts";
import { CertificatesWorld, issued, NEWS, SHOP, type Shown } from "./certificates-world.ts";

// The control plane hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(60_000);

const world = new CertificatesWorld("127.74");
const OWN = "DNS:c.cdn.example";

beforeAll(() => world.start());
afterAll(() => world.stop());

test("an uploaded certificate is shown for its customer's hosts, its successor in its place, and then none", async () => {
  expect((await world.shown(SHOP)).names).toBe(OWN);
  const first = await world.add(issued([SHOP, "shop.example"]));
  expect([first.status, first.body.answers, first.body.state]).toEqual([201, [SHOP], "valid"]);
  expect(first.body.warnings).toEqual([
    "The certificates that lead to its issuer are not in the file",
    "Not a site of yours: shop.example",
  ]);
  const shown = await world.until(SHOP, ({ names }) => names !== OWN);
  expect(shown.serial.toLowerCase()).toBe(first.body.serial);
  const next = await world.add(issued([SHOP]));
  expect((await world.list()).map(({ name, serial }) => [name, serial])).toEqual([
    [SHOP, next.body.serial],
  ]);
  await world.until(SHOP, ({ serial }) => serial.toLowerCase() === next.body.serial);
  expect((await world.remove(SHOP)).status).toBe(204);
  await world.until(SHOP, ({ names }) => names === OWN);
  expect(await world.list()).toEqual([]);
  expect((await world.remove(SHOP)).status).toBe(404);
});

test("a wildcard is shown for hosts of its customer's only; unknown names and none get the node's own (T6)", async () => {
  expect((await world.add(issued(["*.shop.example"]))).body.name).toBe("wildcard.shop.example");
  const zoned = issued([`${NEWS}.cdn.example`, NEWS]);
  expect((await world.add(zoned, { customer: "news" })).body.answers).toEqual([
    `${NEWS}.cdn.example`,
  ]);
  await world.until(SHOP, ({ names }) => names === "DNS:*.shop.example");
  await world.until(`${NEWS}.cdn.example`, ({ names }) => names.includes(NEWS));
  for (const name of ["nobody.shop.example", `${SHOP}.cdn.example`, "c.cdn.example", null]) {
    expect([name, (await world.shown(name)).names]).toEqual([name, OWN]);
  }
  const headers = { host: "nobody.shop.example" };
  const { address } = world.stage;
  const answer = await fetch(`https://${address}:${world.stage.edge.httpsPort}/`, {
    ...{ headers, tls: { rejectUnauthorized: false } },
  });
  expect(answer.status).toBe(421);
});

test("all that is wrong with an upload is told at once; another customer's host is refused", async () => {
  const ended = issued([SHOP], new Date(Date.UTC(2024, 0, 1)), 90);
  const other = issued([NEWS, SHOP]);
  const problemsOf = async (pair: { cert: string; key: string }) => {
    const { status, body } = await world.add(pair);
    expect(status).toBe(422);
    return body.problems?.map(({ path, message }) => `${path}: ${message}`);
  };
  expect(await problemsOf({ cert: ended.cert + other.cert, key: other.key })).toEqual([
    "cert: expected a certificate that has not ended",
    "cert: expected certificate 2 to be the issuer of certificate 1",
    "key: expected the private key of this certificate",
  ]);
  expect(await problemsOf(other)).toEqual(["cert: expected no host name of another customer"]);
  expect(await problemsOf(issued(["www.elsewhere.example"]))).toEqual([
    "cert: expected a DNS name that is one of shop's sites or aliases",
  ]);
  const refused = await world.add({ cert: "x", key: "y" }, { customer: "nobody" });
  expect(refused.status).toBe(404);
});

test("the network has one certificate for c.<zone>, which names no customer's host", async () => {
  const { headers, control } = world;
  const add = (names: readonly string[]) => {
    const { cert, key } = issued(names);
    const body = { cert, key };
    return control.call<{ serial: string }>("POST", "/certificates", { headers, body });
  };
  expect((await add(["c.cdn.example", `${SHOP}.cdn.example`])).status).toBe(422);
  expect((await add(["cdn.example"])).status).toBe(422);
  const stolen = await world.add(issued([SHOP, "c.cdn.example"]));
  expect(stolen.status).toBe(422);
  const { status, body } = await add(["c.cdn.example"]);
  expect(status).toBe(201);
  await world.until("c.cdn.example", ({ serial }) => serial.toLowerCase() === body.serial);
  const listed = await control.call<{ name: string }[]>("GET", "/certificates", { headers });
  expect(listed.body.map(({ name }) => name)).toEqual(["c.cdn.example"]);
  const removed = await control.call("DELETE", "/certificates/c.cdn.example", { headers });
  expect(removed.status).toBe(204);
  await world.until("c.cdn.example", ({ serial }) => serial.toLowerCase() !== body.serial);
});

test("TLS 1.2 and 1.3 are spoken and nothing older; sessions are resumed, until tickets' keys are gone", async () => {
  const twelve = { maxVersion: "TLSv1.2" };
  expect((await world.shown(SHOP)).protocol).toBe("TLSv1.3");
  const first = await resumed(twelve);
  expect(first.protocol).toBe("TLSv1.2");
  expect((await resumed({})).protocol).toBe("TLSv1.3");
  const old = world.shown(SHOP, { minVersion: "TLSv1", maxVersion: "TLSv1.1" });
  expect(await old.then(() => "spoken").catch(() => "refused")).toBe("refused");
  const next = await world.add(issued([SHOP]), { name: "next" });
  await world.until(SHOP, ({ serial }) => serial.toLowerCase() === next.body.serial);
  const after = await world.shown(SHOP, { ...twelve, session: first.session });
  expect([after.isReused, after.serial.toLowerCase()]).toEqual([false, next.body.serial]);
  await world.remove("next");
});

test("keys lie nowhere in the open: no file, no word of the bus, no answer holds one (T8)", async () => {
  const pair = issued([SHOP]);
  const added = await world.add(pair);
  await world.until(SHOP, ({ serial }) => serial.toLowerCase() === added.body.serial);
  const wrong = { headers: world.headers, body: { cert: pair.cert, key: [pair.key] } };
  const asked = { headers: world.headers };
  const path = "/customers/shop/certificates";
  const answers = [
    JSON.stringify(added.body),
    JSON.stringify(await world.list()),
    JSON.stringify((await world.control.call("POST", path, wrong)).body),
    JSON.stringify((await world.add({ cert: pair.key, key: pair.cert })).body),
    JSON.stringify((await world.control.call("GET", "/audit?limit=500", asked)).body),
    JSON.stringify((await world.control.call("GET", "/network", asked)).body),
    JSON.stringify(world.control.published),
    ...world.heard,
  ];
  expect(answers.some((words) => words.includes("certificate.add"))).toBe(true);
  expect(world.heard.some((words) => words.includes("certificates.get"))).toBe(true);
  const secrets = secretsOf(pair.key);
  const found = answers.filter((words) => secrets.some((secret) => words.includes(`${secret}`)));
  expect(found.map((words) => words.slice(0, 80))).toEqual([]);
  const looked: string[] = [];
  for (const dir of [world.control.dataDir, world.nodeDir]) {
    for (const name of readdirSync(dir, { recursive: true }).map(String)) {
      if (!statSync(join(dir, name)).isFile()) continue;
      const bytes = readFileSync(join(dir, name));
      expect([name, secrets.some((secret) => bytes.includes(secret))]).toEqual([name, false]);
      looked.push(name);
    }
  }
  expect(looked).toContain("certificates.db");
  expect(looked).toContain("certificates.sealed");
});

test("with control dead, a cache that starts shows what it had", async () => {
  const again = await startCertificates(secretWorld(world.nodeDir, new LocalBus(), 3));
  again.stop();
  expect(again.list().length).toBeGreaterThan(0);
  expect(again.list()).toEqual(world.certificates.list());
});

/** A first handshake whose session a second one resumed: between two listeners it would not be. */
async function resumed(how: object): Promise<Shown> {
  for (let tries = 0; ; tries++) {
    const first = await world.shown(SHOP, how);
    const again = await world.shown(SHOP, { ...how, session: first.session });
    if (again.isReused && !first.isReused) return first;
    expect(tries).toBeLessThan(20);
  }
}

/** A key as it could be found: its scalar, in DER, and in PEM's base64 at each alignment. */
function secretsOf(pem: string): readonly (Buffer | string)[] {
  const { d = "" } = createPrivateKey(pem).export({ format: "jwk" });
  const scalar = Buffer.from(d, "base64url");
  const inner = [0, 1, 2].map((skip) => {
    return scalar.subarray(skip, skip + 30 - (30 % 3)).toString("base64");
  });
  return [scalar, d, scalar.toString("hex"), ...inner, pem.split("\n")[1] ?? pem];
}
