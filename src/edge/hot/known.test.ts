import { expect, test } from "bun:test";
import { AssertionError } from "../../base/assert.ts";
import { noUsage } from "../../model/usage.ts";
import { MemoryTier, type ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { noCounts } from "./count.ts";
import type { Prepared } from "./head.ts";
import { KnownUrls } from "./known.ts";

const META: ObjectMeta = {
  ...{ key: "k", customer: "shop", site: "www.shop.example", path: "/a", status: 200, fields: [] },
  ...{ vary: [], variant: "", etag: null, lastModified: null, lastModifiedMs: null },
  ...{ receivedMs: 0, bodyBytes: 5 },
  freshness: {
    ...{ lifetimeMs: 60_000, from: "max-age", initialAgeMs: 0 },
    ...{ alwaysValidate: false, onErrorMs: 0 },
  },
};

function askOf(customer: string): Ask {
  const url = "http://www.shop.example/a";
  const request = new Request(url, { headers: { host: "www.shop.example" } });
  const entry = { customer, hostname: "www.shop.example", usage: noUsage(), counts: noCounts() };
  return { request, entry, form: "first", path: "/a", key: "k", ruled: null } as unknown as Ask;
}

test("a URL that leads to an object of another customer's is not served (T9)", async () => {
  const memory = new MemoryTier<Prepared>(1_000_000, 100_000);
  const object = memory.put(META, new TextEncoder().encode("bytes"))!;
  for (const customer of ["shop", "other"]) {
    const known = new KnownUrls("edge-1");
    const ask = askOf(customer);
    known.remember(object, ask);
    const serve = () => known.serve(ask.request, 1_000, null);
    if (customer === "shop") expect(await serve()?.text()).toBe("bytes");
    else expect(serve).toThrow(AssertionError);
    expect(ask.entry.usage.hits).toBe(customer === "shop" ? 1 : 0);
  }
});
