import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { SetUp, ZoneKeysView } from "../model/api/mod.ts";
import { TYPE } from "../wire/dns/mod.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";
import { TableResolver } from "./resolver.fake.ts";

setDefaultTimeout(30_000);

const resolver = new TableResolver();
let world: ControlWorld;
let headers: Record<string, string>;

beforeAll(async () => {
  world = await startControlWorld({ resolver });
  headers = await world.token(OPERATOR);
  const zones = "plan: flat\n    zones: [{name: signed.example, dnssec: true}]";
  const yaml = NETWORK_YAML.replace("plan: flat", zones);
  await world.call("POST", "/apply", { headers, body: { yaml } });
});
afterAll(() => world.stop());
beforeEach(() => resolver.table.clear());

const put = (path: string, body: object) => world.call("PUT", path, { headers, body });
const look = async (path: string) =>
  (await world.call<SetUp>("GET", `/customers/shop/${path}/set-up`, { headers })).body;

async function stateOf(path: string): Promise<string> {
  const { ready, checks } = await look(path);
  return `${ready} ${checks.map(({ type, state }) => `${type} ${state}`).join(", ")}`;
}

test("a delegation is unknown, missing, another's, incomplete, and then right", async () => {
  const site = "sites/new.shop.example";
  await put(`/customers/shop/${site}`, { onboarding: "delegation" });
  expect(await stateOf(site)).toBe("false NS unknown");
  resolver.delegate("new.shop.example", []);
  expect(await stateOf(site)).toBe("false NS missing");
  resolver.delegate("new.shop.example", ["ns1.elsewhere.example"]);
  expect(await stateOf(site)).toBe("false NS wrong");
  const [check] = (await look(site)).checks;
  expect(check).toMatchObject({ seen: ["ns1.elsewhere.example"] });
  resolver.delegate("new.shop.example", [...(check?.expected ?? []), "ns1.elsewhere.example"]);
  const mixed = await look(site);
  expect(mixed.checks[0]?.state).toBe("incomplete");
  expect(mixed.checks[0]?.words).toContain("remove ns1.elsewhere.example");
  resolver.delegate("new.shop.example", check?.expected ?? []);
  expect(await stateOf(site)).toBe("true NS right");
});

test("a CNAME and the aliases of caches are looked for one by one", async () => {
  const site = "sites/media.shop.example";
  const cache = { aliases: ["static.shop.example"] };
  await put(`/customers/shop/${site}`, { onboarding: "cname", cache });
  expect(await stateOf(site)).toBe("false CNAME unknown, CNAME unknown");
  const [first, alias] = (await look(site)).checks;
  expect(first?.expected[0]).toMatch(/^[0-9a-f]{32}\.gtm\.cdn\.example$/);
  expect(alias?.expected).toEqual(["media.shop.example.cdn.example"]);
  resolver.table.set(`media.shop.example ${TYPE.CNAME}`, []);
  resolver.table.set(`static.shop.example ${TYPE.CNAME}`, alias?.expected ?? []);
  expect(await stateOf(site)).toBe("false CNAME missing, CNAME right");
  resolver.table.set(`media.shop.example ${TYPE.CNAME}`, first?.expected ?? []);
  expect(await stateOf(site)).toBe("true CNAME right, CNAME right");
});

test("a signed zone is ready without its DS, and the DS that is missing is said", async () => {
  const zone = "zones/signed.example";
  const path = "/zones/signed.example/keys";
  const { ds } = (await world.call<ZoneKeysView>("GET", path, { headers })).body;
  const { expected = [] } = (await look(zone)).checks[0] ?? {};
  resolver.delegate("signed.example", expected);
  resolver.delegate("signed.example", [], TYPE.DS);
  expect(await stateOf(zone)).toBe("true NS right, DS missing");
  const [line = ""] = ds;
  resolver.delegate("signed.example", [line.replace(/^.* DS /, "")], TYPE.DS);
  expect(await stateOf(zone)).toBe("true NS right, DS right");
  resolver.delegate("signed.example", [`4711 13 2 ${"ab".repeat(32)}`], TYPE.DS);
  expect(await stateOf(zone)).toBe("true NS right, DS wrong");
});

test("what is no zone and no site of the customer's is not found", async () => {
  for (const path of ["sites/none.example", "zones/none.example", "zones/media.shop.example"]) {
    const { status } = await world.call("GET", `/customers/shop/${path}/set-up`, { headers });
    expect(status).toBe(404);
  }
});
