import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { SESSION_IDLE_MS, SESSION_MS } from "./auth.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

let world: ControlWorld;
beforeEach(async () => {
  world = await startControlWorld();
});
afterEach(() => world.stop());

const SHOP = { email: "shop@shop.example", password: "shop-secret" };

async function applied(yaml = NETWORK_YAML): Promise<Record<string, string>> {
  const headers = await world.signIn(OPERATOR);
  const { status, body } = await world.call("POST", "/apply", { headers, body: { yaml } });
  expect([status, body]).toEqual([200, expect.anything()]);
  return headers;
}

test("the session cookie is hidden from scripts and bound to this site, and to the host by https", async () => {
  const plain = await world.call("POST", "/session", { body: OPERATOR });
  expect(plain.headers.get("set-cookie")).toMatch(
    /^turnpike=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  );
  const headers = { "x-forwarded-proto": "https" };
  const https = await world.call("POST", "/session", { body: OPERATOR, headers });
  expect(https.headers.get("set-cookie")).toMatch(
    /^__Host-turnpike=[\w-]{43}; Secure; Path=\/; HttpOnly; SameSite=Strict$/,
  );
});

test("a wrong password and an unknown address are told the same, and guessing is slowed", async () => {
  await applied();
  const tries: unknown[] = [];
  for (const email of [SHOP.email, "nobody@shop.example"]) {
    const { status, body } = await world.call("POST", "/session", {
      body: { email, password: "wrong-secret" },
    });
    tries.push([status, body]);
  }
  expect(tries[0]).toEqual(tries[1]);
  let throttled = 0;
  for (let n = 0; n < 40; n++) {
    const body = { ...SHOP, password: `guess-${n}` };
    const { status, headers } = await world.call("POST", "/session", { body });
    if (status !== 429) continue;
    throttled += 1;
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(throttled).toBeGreaterThan(30);
  expect((await world.call("POST", "/session", { body: SHOP })).status).toBe(429);
  world.clock.advance(300_000);
  expect((await world.call("POST", "/session", { body: SHOP })).status).toBe(200);
});

test("a session ends unused, by age, at sign-out and with a new password", async () => {
  const whoAmI = async (headers: Record<string, string>) =>
    (await world.call("GET", "/session", { headers })).status;
  await applied();
  const idle = await world.signIn(SHOP);
  expect(await whoAmI(idle)).toBe(200);
  world.clock.advance(SESSION_IDLE_MS + 1);
  expect(await whoAmI(idle)).toBe(401);
  const aged = await world.signIn(SHOP);
  for (let ms = 0; ms < SESSION_MS; ms += SESSION_IDLE_MS / 2) {
    expect(await whoAmI(aged)).toBe(200);
    world.clock.advance(SESSION_IDLE_MS / 2);
  }
  world.clock.advance(1);
  expect(await whoAmI(aged)).toBe(401);
  const changed = await world.signIn(SHOP);
  await applied(NETWORK_YAML.replace("shop-secret", "another-secret"));
  expect(await whoAmI(changed)).toBe(401);
  expect((await world.call("POST", "/session", { body: SHOP })).status).toBe(401);
});

test("a token ends when revoked, when over, and with its maker's access", async () => {
  await applied();
  const status = async (headers: Record<string, string>) =>
    (await world.call("GET", "/session", { headers })).status;
  const token = await world.token(SHOP, { days: 1 });
  expect(await status(token)).toBe(200);
  world.clock.advance(86_400_001);
  expect(await status(token)).toBe(401);
  const second = await world.token(SHOP);
  const rows = await world.call<{ id: string }[]>("GET", "/tokens", { headers: second });
  const id = rows.body.at(-1)?.id;
  await world.call("DELETE", `/tokens/${id}`, { headers: second });
  expect(await status(second)).toBe(401);
  const third = await world.token(SHOP);
  await applied(
    NETWORK_YAML.replace("{email: Shop@shop.example, password: shop-secret}", "").replace(
      "- \n      - {email: reader",
      "- {email: reader",
    ),
  );
  expect(await status(third)).toBe(401);
});

test("no password and no token lies in the database as it is", async () => {
  await applied();
  const token = (await world.token(SHOP)).authorization?.slice("Bearer ".length) ?? "";
  await world.restart();
  const bytes = await Bun.file(`${world.dataDir}/control.db`).bytes();
  const text = Buffer.from(bytes).toString("latin1");
  for (const secret of [token, SHOP.password, OPERATOR.password, "news-secret"]) {
    expect(text.includes(secret)).toBe(false);
  }
  expect(text.includes("$argon2id$")).toBe(true);
});
