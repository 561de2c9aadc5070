import { expect, test } from "bun:test";
import fc from "fast-check";
import { DiskIndex } from "./disk-index.ts";
import { type DiskName, fileName, hashKey } from "./disk-name.ts";

function nameOf(key: number, variant: number, fileBytes: number, storedSec = 1): DiskName {
  const variantHash = hashKey(`v${variant}`).slice(0, 16);
  return { keyHash: hashKey(`k${key}`), variantHash, fileBytes, storedSec, customer: key % 3 };
}

test("DiskIndex knows what a plain map of names knows, also after it is loaded again", () => {
  const act = fc.record({
    what: fc.constantFrom("add", "add", "add", "drop", "touch", "evict", "reload"),
    key: fc.nat(8),
    variant: fc.nat(2),
    fileBytes: fc.integer({ min: 1, max: 5_000 }),
  });
  fc.assert(
    fc.property(fc.array(act, { minLength: 30, maxLength: 150 }), (acts) => {
      let index = new DiskIndex();
      const model = new Map<string, DiskName>();
      for (const [i, { what, key, variant, fileBytes }] of acts.entries()) {
        const name = nameOf(key, variant, fileBytes, i);
        const id = `${key} ${variant}`;
        const [first] = index.of(name.keyHash);
        if (what === "add") {
          const replaced = model.get(id);
          expect(index.add(name)).toEqual(replaced === undefined ? [] : [fileName(replaced)]);
          model.delete(id);
          model.set(id, name);
        } else if (what === "touch" && first !== undefined) index.touch(first);
        else if (what === "drop" || what === "evict") {
          const gone = what === "drop" ? first : (index.toEvict() ?? undefined);
          if (gone === undefined) continue;
          const file = index.nameOf(gone);
          index.drop(gone);
          expect(index.holds(gone)).toBe(false);
          for (const [known, one] of model) if (fileName(one) === file) model.delete(known);
        } else if (what === "reload") {
          index = new DiskIndex();
          for (const one of model.values()) index.load(fileName(one));
          expect(index.settle()).toEqual([]);
        }
        const all = [...model.values()];
        const bytes = all.reduce((sum, one) => sum + one.fileBytes, 0);
        expect([index.count, index.bytes]).toEqual([all.length, bytes]);
        for (let k = 0; k <= 8; k++) {
          const ours = all.filter((one) => one.keyHash === hashKey(`k${k}`)).reverse();
          const held = index.of(hashKey(`k${k}`)).map((entry) => index.nameOf(entry));
          expect(held).toEqual(ours.map(fileName));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("after a restart, the longest stored go first, but not what has been asked for since", () => {
  const index = new DiskIndex();
  const seconds = [5, 3, 9, 1, 7];
  for (const sec of seconds) index.load(fileName(nameOf(sec * 3, 0, 100, sec)));
  index.settle();
  index.touch(index.of(hashKey("k9"))[0]!);
  const order: number[] = [];
  for (let entry = index.toEvict(); entry !== null; entry = index.toEvict()) {
    order.push(Number.parseInt(index.nameOf(entry).split("-")[3]!, 36));
    index.drop(entry);
  }
  expect(order).toEqual([1, 5, 7, 9, 3]);
});

test("files of before customers stood in names are still known", () => {
  const index = new DiskIndex();
  index.load(
    fileName(nameOf(1, 1, 100))
      .split("-")
      .slice(0, 4)
      .join("-"),
  );
  index.settle();
  expect([index.count, index.has(hashKey("k1"))]).toEqual([1, true]);
});

test("only whole names are taken: any other one, however near, is left alone", () => {
  const ours = /^[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-z]{1,10}-[0-9a-z]{1,10}(-[0-9a-z]{1,7})?$/;
  const edit = fc.record({
    at: fc.nat(80),
    cut: fc.nat(3),
    put: fc.constantFrom("", "-", "g", "F", "0", "z", "é", "ŀ", "\u{1f600}", "--", "12345678901"),
  });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 2 }), fc.nat(1e9), fc.nat(1e9), (edits, bytes, sec) => {
      let name = fileName(nameOf(bytes % 7, 1, bytes, sec));
      for (const { at, cut, put } of edits) name = name.slice(0, at) + put + name.slice(at + cut);
      const index = new DiskIndex();
      index.load(name);
      index.settle();
      const [key, variant, ...numbers] = name.split("-");
      const values = [...numbers, "0"].slice(0, 3).map((text) => Number.parseInt(text, 36));
      const [fileBytes, storedSec, customer] = values;
      const isOurs = ours.test(name) && values.slice(1).every((value) => value <= 0xffffffff);
      expect(index.count).toBe(isOurs ? 1 : 0);
      if (!isOurs) return;
      const entry = index.of(name.slice(0, 32))[0]!;
      const names = { keyHash: key!, variantHash: variant!, fileBytes: fileBytes! };
      expect(index.nameOf(entry)).toBe(
        fileName({ ...names, storedSec: storedSec!, customer: customer! }),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("room made at once for more or fewer than come changes nothing of what is known", () => {
  for (const expected of [0, 10, 5_000]) {
    const index = new DiskIndex();
    index.expect(expected);
    const names = Array.from({ length: 1_000 }, (_, i) => fileName(nameOf(i, 0, 100 + i, i)));
    for (const name of names) index.load(name);
    expect([index.settle(), index.count]).toEqual([[], 1_000]);
    const known = names.map((name) => index.nameOf(index.of(name.slice(0, 32))[0]!));
    expect(known).toEqual(names);
  }
});

test("DiskIndex takes at most 250 bytes of memory for each of 200,000 objects", () => {
  const index = new DiskIndex();
  for (let i = 0; i < 200_000; i++) {
    // Spread over all values, as hashes are.
    const hex = (Math.imul(i, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0");
    index.add({
      keyHash: hex.repeat(4),
      variantHash: hex.repeat(2),
      fileBytes: 10_000 + i,
      storedSec: i,
      customer: i % 100,
    });
  }
  for (let i = 0; i < 50_000; i++) index.drop(index.toEvict()!);
  expect(index.memoryBytes / index.count).toBeLessThan(250);
});
