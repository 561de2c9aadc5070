import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { SHOP_PAIR } from "../../control/certificate.fixture.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../control/control-world.ts";
import { ApiClient } from "../api-client.ts";
import { leftBehind } from "./left-behind.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const WITHOUT_SHOP = NETWORK_YAML.replace(/ {2}- name: shop\n[\s\S]*(?= {2}- name: news)/, "");
const params = { customer: "shop" };

let world: ControlWorld;
let api: ApiClient;
beforeAll(async () => {
  world = await startControlWorld();
  api = new ApiClient(world.control.url, await world.token(OPERATOR));
});
afterAll(() => world.stop());

test("leftBehind() names the commands that remove what a removed customer had, and nothing else", async () => {
  const apply = async (yaml: string, dryRun = false) => {
    return leftBehind(api, await api.call("apply", { body: { yaml, dryRun } }));
  };
  expect(await apply(NETWORK_YAML)).toEqual([]);
  expect(await apply(WITHOUT_SHOP)).toEqual([]);
  await apply(NETWORK_YAML);
  await api.call("putSigningKey", { params: { ...params, name: "autumn" }, body: {} });
  await api.call("putCredential", { params: { ...params, name: "edge" }, body: { kind: "value" } });
  await api.call("createTsigKey", { params, body: { key: "xfr", use: "transfer" } });
  await api.call("addCertificate", { params, body: { ...SHOP_PAIR, name: "web" } });
  const commands = [
    "  turnpike key remove autumn --customer shop",
    "  turnpike credential remove edge --customer shop",
    "  turnpike tsig delete xfr --customer shop",
    "  turnpike certificate remove web --customer shop",
  ];
  const would = "What shop had would stay, and is whose that name is next. To remove it:";
  expect(await apply(WITHOUT_SHOP, true)).toEqual([would, ...commands]);
  expect((await apply(WITHOUT_SHOP)).slice(1)).toEqual(commands);
  expect(await apply(WITHOUT_SHOP)).toEqual([]);
});
