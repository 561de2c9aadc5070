import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { SHOP_PAIR } from "./certificate.fixture.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const WITHOUT_SHOP = NETWORK_YAML.replace(/ {2}- name: shop\n[\s\S]*(?= {2}- name: news)/, "");
const SHOP = "/customers/shop";
const KINDS = ["signing-keys", "credentials", "tsig-keys", "certificates"] as const;
const TSIG = { key: "xfr", use: "transfer" };

let world: ControlWorld;
let headers: Record<string, string>;
beforeAll(async () => {
  world = await startControlWorld();
  headers = await world.token(OPERATOR);
});
afterAll(() => world.stop());

async function apply(yaml: string): Promise<void> {
  const { status } = await world.call("POST", "/apply", { headers, body: { yaml } });
  expect(status).toBe(200);
}
async function statusOf(method: string, path: string, body?: unknown): Promise<number> {
  return (await world.call(method, SHOP + path, { headers, body })).status;
}
const put = () =>
  Promise.all([
    statusOf("PUT", "/signing-keys/autumn", {}),
    statusOf("PUT", "/credentials/edge", { kind: "value" }),
    statusOf("POST", "/tsig-keys", TSIG),
    statusOf("POST", "/certificates", { ...SHOP_PAIR, name: "web" }),
  ]);
/** What each list holds, or the status where it is refused. */
async function lists(): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (const kind of KINDS) {
    const { status, body } = await world.call<{ name: string; key?: string }[]>(
      "GET",
      `${SHOP}/${kind}`,
      { headers },
    );
    all.push(status === 200 ? body.map(({ name, key }) => key ?? name).join(" ") : status);
  }
  return all;
}
const ALL = ["autumn", "edge", "xfr", "web"];

test("what a removed customer leaves is listed until the operator removes it, and taken no more", async () => {
  await apply(NETWORK_YAML);
  expect((await put()).every((status) => status < 300)).toBe(true);
  expect(await lists()).toEqual(ALL);
  await apply(WITHOUT_SHOP);
  expect(await lists()).toEqual(ALL);
  expect(await put()).toEqual([404, 404, 404, 404]);
  await apply(NETWORK_YAML);
  expect(await lists()).toEqual(ALL);
  await apply(WITHOUT_SHOP);
  for (const [i, kind] of KINDS.entries()) {
    expect(await statusOf("DELETE", `/${kind}/${ALL[i]}`)).toBeLessThan(300);
  }
  expect(await lists()).toEqual([404, 404, 404, 404]);
  await apply(NETWORK_YAML);
  expect(await lists()).toEqual(["", "", "", ""]);
});
