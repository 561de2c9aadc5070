import { expect, test } from "bun:test";
import { MemoryTier } from "./memory.ts";
import type { ObjectMeta } from "./object.ts";

function metaOf(key: string, bodyBytes: number): ObjectMeta {
  return {
    ...{ key: `shop www ${key}`, customer: "shop", site: "www", path: key },
    ...{ vary: [], variant: "", status: 200, fields: [], etag: null },
    ...{ lastModified: null, lastModifiedMs: null, receivedMs: 0, bodyBytes },
    freshness: {
      lifetimeMs: 1000,
      from: "max-age",
      initialAgeMs: 0,
      alwaysValidate: false,
      onErrorMs: 0,
    },
  };
}

const none = () => null;

test("bytes in another coding count under the cap, and go with their object", () => {
  const tier = new MemoryTier(1_000_000, 100_000);
  const object = tier.put(metaOf("/a", 50_000), new Uint8Array(50_000))!;
  const before = tier.bytes;
  tier.keepEncoded(object, "br", new Uint8Array(10_000));
  tier.keepEncoded(object, "br", new Uint8Array(10_000));
  tier.keepEncoded(object, "gzip", null);
  expect([tier.bytes - before, tier.count]).toEqual([10_000 + 1_024, 1]);
  tier.remove("shop www /a");
  expect([tier.bytes, tier.count]).toEqual([0, 0]);
  tier.keepEncoded(object, "zstd", new Uint8Array(10_000));
  expect(tier.bytes).toBe(0);
});

test("room for them is made by others, and the cap holds", () => {
  const tier = new MemoryTier(1_000_000, 100_000);
  for (let i = 0; i < 50; i++) {
    const object = tier.put(metaOf(`/${i}`, 50_000), new Uint8Array(50_000))!;
    tier.keepEncoded(object, "br", new Uint8Array(30_000));
    expect(tier.bytes).toBeLessThanOrEqual(1_000_000);
  }
  expect(tier.count).toBeGreaterThan(5);
});

test("the same bytes with new fields keep what was made of them; others do not", () => {
  const tier = new MemoryTier(1_000_000, 100_000);
  const bytes = new Uint8Array(50_000);
  tier.keepEncoded(tier.put(metaOf("/a", 50_000), bytes)!, "br", new Uint8Array(10));
  const renewed = tier.put(metaOf("/a", 50_000), bytes)!;
  expect(renewed.encoded?.get("br")?.byteLength).toBe(10);
  tier.put(metaOf("/a", 50_000), new Uint8Array(50_000));
  expect(tier.find("shop www /a", none)?.encoded).toBeNull();
});
