import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { seededRng } from "../base/rng.ts";
import type { CertificateRow } from "../model/api/mod.ts";
import { CertificateStore } from "../store/certificates.ts";
import { SHOP_PAIR } from "./certificate.fixture.ts";
import { NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

// The control plane hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(60_000);

test("of a customer's certificates a thousand may be uploaded, however many were obtained", async () => {
  const world = await startControlWorld();
  const headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
  await world.restart(() => {
    const at = (ending: string) => join(world.dataDir, `certificates.${ending}`);
    const place = { path: at("db"), masterPath: at("secret"), rng: seededRng(3) };
    const store = new CertificateStore(place);
    const keep = (name: string) => {
      store.put({ customer: "shop", name, cert: SHOP_PAIR.cert, addedMs: 1 }, SHOP_PAIR.key);
    };
    for (let i = 0; i < 20; i++) keep(`acme_s${i}.shop.example`);
    for (let i = 0; i < 999; i++) keep(`uploaded-${i}`);
    store.close();
  });
  const path = "/customers/shop/certificates";
  const add = async (name: string) => {
    const body = { ...SHOP_PAIR, name };
    const { status, body: said } = await world.call<{ detail?: string }>("POST", path, {
      ...{ headers, body },
    });
    return [status, said.detail];
  };
  expect((await add("the-last"))[0]).toBe(201);
  expect(await add("one-more")).toEqual([
    409,
    expect.stringContaining("shop has 1000 certificates already"),
  ]);
  expect((await add("the-last"))[0]).toBe(201);
  const rows = (await world.call<CertificateRow[]>("GET", path, { headers })).body;
  const kinds = (kind: string) => rows.filter((row) => row.kind === kind).length;
  expect([kinds("uploaded"), kinds("obtained")]).toEqual([1000, 20]);
  await world.stop();
});
