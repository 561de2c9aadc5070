import { expect, test } from "bun:test";
import { cacheKey } from "../../policy/caching/mod.ts";
import { MemoryTier, type ObjectMeta, sealMeta } from "./mod.ts";

const BYTES_MAX = 8_000_000;
const OBJECTS = 4_000;
const REQUESTS = 60_000;

/** Mulberry32: the same stream in each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Made once each. */
const metas = new Map<string, ObjectMeta>();

function metaOf(customer: string, path: string, bodyBytes: number): ObjectMeta {
  return sealMeta({
    key: cacheKey({ customer, site: "www.example", path }),
    ...{ customer, site: "www.example", path, vary: [], variant: "", status: 200, fields: [] },
    ...{ etag: null, lastModified: null, lastModifiedMs: null, receivedMs: 0, bodyBytes },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
}

/** The victim's hit ratio in percent, with so many requests of others for each one of its own. */
function hitRatio(flood: { customers: number; each: number; bodyBytes: number }): number {
  const tier = new MemoryTier(BYTES_MAX, BYTES_MAX);
  const random = randomOf(7);
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 0; rank < OBJECTS; rank++) {
    sum += (rank + 1) ** -0.9;
    sums.push(sum);
  }
  const sizes = sums.map(() => Math.round(500 * Math.exp(2.5 * random())));
  const bodies = new Uint8Array(100_000);
  let hits = 0;
  let unique = 0;
  const half = REQUESTS / 2;
  for (let request = 0; request < REQUESTS; request++) {
    const at = random() * sum;
    let rank = 0;
    for (let step = 2_048; step > 0; step >>= 1) {
      if (rank + step < OBJECTS && sums[rank + step - 1]! <= at) rank += step;
    }
    const path = `/${rank}`;
    let meta = metas.get(path);
    if (meta === undefined) {
      meta = metaOf("victim", path, sizes[rank]!);
      metas.set(path, meta);
    }
    if (tier.find(meta.key, () => null) !== null) {
      if (request >= half) hits++;
    } else tier.put(meta, bodies.slice(0, sizes[rank]));
    // The flood begins when the victim has the cache to itself.
    if (request < half / 2) continue;
    for (let i = 0; i < flood.each; i++) {
      const who = `flooder-${unique % flood.customers}`;
      tier.put(metaOf(who, `/${unique++}`, flood.bodyBytes), new Uint8Array(flood.bodyBytes));
    }
  }
  expect(tier.bytes).toBeLessThanOrEqual(BYTES_MAX);
  return (100 * hits) / half;
}

const alone = hitRatio({ customers: 1, each: 0, bodyBytes: 0 });
for (const [customers, bodyBytes] of [
  [1, 0],
  [10, 3_000],
] as const) {
  test(`unique URLs of ${bodyBytes} bytes by ${customers} other customers, five for each request, move a customer's hit ratio by no more than a point (H18)`, () => {
    const beside = hitRatio({ customers, bodyBytes, each: 5 });
    expect(beside).toBeGreaterThan(alone - 1);
  }, 60_000);
}

test("a customer within an equal share keeps all of it, however much others ask for again", () => {
  const tier = new MemoryTier(BYTES_MAX, BYTES_MAX);
  const ask = (customer: string, path: string, bodyBytes: number) => {
    const meta = metaOf(customer, path, bodyBytes);
    if (tier.find(meta.key, () => null) !== null) return true;
    tier.put(meta, new Uint8Array(bodyBytes));
    return false;
  };
  let hits = 0;
  for (let turn = 0; turn < 40; turn++) {
    for (let i = 0; i < 600; i++) if (ask("small", `/${i}`, 500) && turn >= 20) hits++;
    for (let i = 0; i < 8_000; i++) ask("large", `/${turn}/${i >> 2}`, 2_000);
  }
  expect(hits).toBeGreaterThan(11_940);
}, 60_000);
