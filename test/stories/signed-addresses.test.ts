import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalBus } from "../../src/bus/mod.ts";
import { signUrl } from "../../src/cli/commands/sign.ts";
import { secretWorld } from "../../src/cli/node/secret-world.fixture.ts";
import { type SigningKeys, startSigningKeys } from "../../src/cli/node/signing-keys.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";

// The control plane hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const NET = "127.113";
const SITE = "www.shop.example";
const PATH = "/customers/shop/signing-keys";
const nodeDir = mkdtempSync(join(tmpdir(), "turnpike-signing-"));

let control: ControlWorld;
let headers: Record<string, string>;
let origin: StageOrigin;
let stage: Stage;
let keys: SigningKeys;

beforeAll(async () => {
  control = await startControlWorld();
  headers = await control.token(OPERATOR);
  await control.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
  keys = await startSigningKeys(secretWorld(nodeDir, control.bus));
  origin = startOrigin(`${NET}.0.1`, 0, () => {
    return new Response("the film", { headers: { "cache-control": "max-age=60" } });
  });
  const { address, port } = origin;
  const origins = [{ name: "o1", v4: address, port }];
  const rules = [
    { name: "films", match: { path: ["/films/*"] }, signed: { keys: ["old", "new"] } },
  ];
  const site = { hostname: SITE, customer: "shop", port, front: "caches" as const, origins, rules };
  stage = new Stage(snapshotOf([site]), `${NET}.9.1`);
  await stage.start({ secrets: (customer, key) => keys.secret(customer, key) });
});
afterAll(async () => {
  keys.stop();
  await stage.stop();
  await origin.stop();
  await control.stop();
  rmSync(nodeDir, { recursive: true, force: true });
});

/** The cache may be asking already when a key is made: it asks until it has it. */
async function caughtUp(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!holds() && performance.now() < endMs) {
    await keys.catchUp();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(holds()).toBe(true);
}

async function make(name: string, body: unknown = {}): Promise<string> {
  const made = await control.call<{ secret: string }>("PUT", `${PATH}/${name}`, { headers, body });
  expect(made.status).toBe(200);
  const { secret } = made.body;
  await caughtUp(() => {
    const held = keys.secret("shop", name);
    return held !== null && Buffer.from(held).toString("base64") === secret;
  });
  return secret;
}

function signed(key: string, secret: string, more = {}): string {
  const nowMs = stage.clock.wallMs();
  return signUrl(`http://${SITE}/films/a.mp4`, { key, ttl: "60", ...more }, { secret, nowMs }).url;
}

test("a key made through the API signs addresses that caches let in, until it is removed", async () => {
  const old = await make("old");
  const next = await make("new");
  const first = await stage.get(signed("old", old));
  expect([first.status, first.text]).toEqual([200, "the film"]);
  expect((await stage.get(signed("new", next))).headers.get("cache-status")).toContain("; hit");
  expect((await stage.get(signed("new", old))).status).toBe(403);
  expect((await control.call("DELETE", `${PATH}/old`, { headers })).status).toBe(204);
  await caughtUp(() => keys.secret("shop", "old") === null);
  const late = await stage.get(signed("old", old));
  expect([late.status, late.headers.get("proxy-status")]).toEqual([
    ...[403, 'edge-1; error=http_request_denied; details="signature-unknown-key"'],
  ]);
  expect((await stage.get(signed("new", next))).status).toBe(200);
});

test("secrets are shown once, and lie nowhere in the open (T8)", async () => {
  const secret = await make("new");
  const listed = await control.call("GET", PATH, { headers });
  expect(JSON.stringify(listed.body)).not.toContain(secret);
  const audit = await control.call("GET", "/audit?limit=500", { headers });
  expect(JSON.stringify(audit.body)).toContain("signing-key.put");
  expect(JSON.stringify(audit.body)).not.toContain(secret);
  const looked: string[] = [];
  for (const dir of [control.dataDir, nodeDir]) {
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      if (!statSync(path).isFile()) continue;
      const bytes = readFileSync(path);
      expect([name, bytes.includes(secret), bytes.includes(Buffer.from(secret, "base64"))]).toEqual(
        [...[name, false, false]],
      );
      looked.push(name);
    }
  }
  expect(looked).toContain("signing-keys.db");
  expect(looked).toContain("signing-keys.sealed");
});

test("with control dead, a cache that starts checks by its own copy", async () => {
  const secret = await make("new");
  const again = await startSigningKeys(secretWorld(nodeDir, new LocalBus(), 8));
  again.stop();
  const kept = again.secret("shop", "new");
  expect(kept === null ? null : Buffer.from(kept).toString("base64")).toBe(secret);
  expect(again.secret("news", "new")).toBeNull();
});

test("a secret of one's own is taken when it is long enough; a customer has sixteen keys at most", async () => {
  const own = Buffer.alloc(32, 9).toString("base64");
  expect(await make("new", { secret: own })).toBe(own);
  const short = { secret: Buffer.alloc(16).toString("base64") };
  const refused = await control.call("PUT", `${PATH}/short`, { headers, body: short });
  expect(refused.status).toBe(422);
  for (let i = 1; i < 16; i++) {
    expect((await control.call("PUT", `${PATH}/k${i}`, { headers, body: {} })).status).toBe(200);
  }
  expect((await control.call("PUT", `${PATH}/k16`, { headers, body: {} })).status).toBe(409);
});

test("sign says all that is wrong at once, and finds the site at the shared name", () => {
  const o = { secret: "short", nowMs: 0 };
  const flags = { ttl: "soon", client: "nobody", under: "films", from: "later" };
  try {
    signUrl("ftp://x", flags, o);
    throw new Error("It was refused");
  } catch (fault) {
    const { problems } = fault as { problems: readonly { path: string }[] };
    expect(problems.map((one) => one.path)).toEqual([
      ...["<url>", "--key", "--secret-file", "--ttl", "--from", "--client", "--under"],
    ]);
  }
  const good = { secret: Buffer.alloc(32, 1).toString("base64"), nowMs: 0 };
  const at = (url: string) => {
    const { url: out } = signUrl(url, { key: "k", ttl: "60", site: SITE }, good);
    return new URL(out).searchParams.get("tp-token");
  };
  const first = at(`http://${SITE}/a.png?x=1`);
  expect(at(`http://c.cdn.example/${SITE}/a.png?x=1`)).toBe(first);
  expect(at(`http://${SITE}.cdn.example/a.png?x=1`)).toBe(first);
  const under = signUrl(`http://${SITE}/`, { key: "k", ttl: "60", under: "/film ü/" }, good);
  expect(new URL(under.url).searchParams.get("tp-token")).toContain("~/film%20%C3%BC/~");
});
