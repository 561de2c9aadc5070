import { describe, expect, test } from "bun:test";
import { DiskIndex } from "./disk-index.ts";
import { hashKey } from "./disk-name.ts";
import { nameHash, Present } from "./evict/mod.ts";
import { MemoryTier } from "./memory.ts";
import { type ObjectMeta, sealMeta } from "./object.ts";

const BODY = 1_000;

function metaOf(customer: string, path: string): ObjectMeta {
  return sealMeta({
    ...{ key: `${customer} www.example ${path}`, customer, site: "www.example", path },
    ...{ vary: [], variant: "", status: 200, fields: [], bodyBytes: BODY, receivedMs: 0 },
    ...{ etag: null, lastModified: null, lastModifiedMs: null },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
}

/** A tier in which `old`, `small` and `large` have each asked for theirs again, full to its cap. */
function filled() {
  const present = new Present();
  const tier = new MemoryTier(600_000, 10_000, { present });
  const ask = (customer: string, i: number) => {
    const meta = metaOf(customer, `/${i}`);
    if (tier.find(meta.key, () => null) === null) tier.put(meta, new Uint8Array(BODY));
  };
  const held = (customer: string, count: number) => {
    let there = 0;
    for (let i = 0; i < count; i++) there += tier.variantsOf(metaOf(customer, `/${i}`).key);
    return there;
  };
  const turn = (from: number) => {
    for (let i = 0; i < 20; i++) ask("small", i);
    for (let i = from; i < from + 200; i++) for (let n = 0; n < 2; n++) ask("large", i);
  };
  present.set(["old", "small", "large"]);
  for (let n = 0; n < 3; n++) {
    for (let i = 0; i < 40; i++) ask("old", i);
    turn(0);
  }
  return { present, tier, held, turn };
}

describe("what a customer holds who is no more", () => {
  test("goes first when room is needed, and nobody else's before it", () => {
    const { present, held, turn } = filled();
    for (let from = 200; from < 2_000; from += 200) turn(from);
    expect([held("old", 40), held("small", 20)]).toEqual([40, 20]);
    present.set(["small", "large"]);
    expect(held("old", 40)).toBe(40);
    turn(2_000);
    expect([held("old", 40), held("small", 20)]).toEqual([0, 20]);
  });

  test("stays where the customer is back before room was needed", () => {
    const { present, held, turn } = filled();
    present.set(["small", "large"]);
    present.set(["old", "small", "large"]);
    for (let from = 200; from < 2_000; from += 200) turn(from);
    expect(held("old", 40)).toBe(40);
  });

  test("goes first also where it was on its way when they went", () => {
    const present = new Present();
    const index = new DiskIndex(present);
    const add = (owner: string, i: number) =>
      index.add({
        ...{ keyHash: hashKey(`${owner} ${i}`), variantHash: "0".repeat(16), fileBytes: 5_000 },
        ...{ storedSec: i, customer: nameHash(owner) },
      });
    const next = () => {
      const entry = index.toEvict()!;
      const [customer] = index.nameOf(entry).split("-").slice(-1);
      index.drop(entry);
      return customer;
    };
    const [a, old, late] = ["a", "old", "late"].map((owner) => nameHash(owner).toString(36));
    for (let i = 0; i < 5; i++) add("a", i);
    add("old", 0);
    present.set(["a"]);
    expect([next(), next()]).toEqual([old, a]);
    for (const owner of ["late", "old"]) add(owner, 9);
    expect([next(), next()].toSorted()).toEqual([old, late].toSorted());
    expect([next(), index.count]).toEqual([a, 3]);
  });

  test("goes from the disk first as well, whatever has been read of it", () => {
    const present = new Present();
    const index = new DiskIndex(present);
    const customers = ["old", "a", "b"];
    for (let i = 0; i < 30; i++) {
      const customer = nameHash(customers[i % 3]!);
      const variantHash = "0".repeat(16);
      index.add({
        keyHash: hashKey(`${i}`),
        variantHash,
        fileBytes: 5_000,
        storedSec: i,
        customer,
      });
      if (i % 3 === 0) for (const entry of index.of(hashKey(`${i}`))) index.touch(entry);
    }
    present.set(["a", "b"]);
    const gone: number[] = [];
    for (let n = 0; n < 10; n++) {
      const entry = index.toEvict()!;
      const name = index.nameOf(entry);
      gone.push(
        Array.from({ length: 30 }, (_, i) => i).find((i) =>
          name.includes(hashKey(`${i}`).slice(2)),
        )!,
      );
      index.drop(entry);
    }
    expect(gone.sort((x, y) => x - y)).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
    expect(index.toEvict()).not.toBeNull();
  });
});
