import { expect, test } from "bun:test";
import { evictorContract, Model } from "./evict.contract.ts";
import {
  Gdsf,
  Lru,
  type MakeEvictor,
  MOST_BYTES,
  MOST_HITS,
  S3Fifo,
  S3Gdsf,
  Sieve,
  Slots,
  TinyLfu,
} from "./mod.ts";

const s3Gdsf: MakeEvictor = (slots) => new S3Gdsf(slots, MOST_HITS);

evictorContract("LRU", (slots) => new Lru(slots));
evictorContract("SIEVE", (slots) => new Sieve(slots));
evictorContract("S3-FIFO", (slots) => new S3Fifo(slots));
evictorContract("GDSF", (slots) => new Gdsf(slots));
evictorContract("S3-GDSF for hits", s3Gdsf);
evictorContract("S3-GDSF for bytes", (slots) => new S3Gdsf(slots, MOST_BYTES));
evictorContract("W-TinyLFU", (slots) => new TinyLfu(slots));

test("LRU evicts in the order of last use", () => {
  const model = new Model((slots) => new Lru(slots), 3);
  for (const key of [1, 2, 3, 1, 4, 5]) model.ask(key, 1);
  expect([...model.held.keys()].sort()).toEqual([1, 4, 5]);
});

test("SIEVE spares what was asked for and evicts what was not", () => {
  const model = new Model((slots) => new Sieve(slots), 3);
  for (const key of [1, 2, 3, 1, 3, 4]) model.ask(key, 1);
  expect([...model.held.keys()].sort()).toEqual([1, 3, 4]);
});

test("S3-FIFO and S3-GDSF keep at once what comes back after its eviction", () => {
  for (const make of [(slots) => new S3Fifo(slots), s3Gdsf] satisfies MakeEvictor[]) {
    const model = new Model(make, 10);
    for (let key = 0; key < 15; key++) model.ask(key, 1);
    model.ask(3, 1);
    for (let key = 20; key < 60; key++) model.ask(key, 1);
    expect(model.held.has(3)).toBe(true);
  }
});

test("GDSF and S3-GDSF would rather lose one large object than many small ones", () => {
  for (const make of [(slots) => new Gdsf(slots), s3Gdsf] satisfies MakeEvictor[]) {
    const model = new Model(make, 1_000);
    for (let turn = 0; turn < 3; turn++) {
      model.ask(0, 500);
      for (let key = 1; key <= 50; key++) model.ask(key, 10);
    }
    for (let turn = 0; turn < 3; turn++) for (let key = 51; key < 60; key++) model.ask(key, 10);
    expect(model.held.has(0)).toBe(false);
    for (let key = 1; key <= 50; key++) expect(model.held.has(key)).toBe(true);
  }
});

test("an object has no hits of whoever was in its place before", () => {
  const slots = new Slots({ ranked: true });
  const evictor = new S3Gdsf(slots, MOST_HITS);
  const popular = slots.take(1, 100);
  evictor.restore(popular, 1);
  for (let n = 0; n < 9; n++) evictor.find(popular);
  // Its hits are looked at when it is about to go.
  const least = slots.take(2, 100);
  evictor.restore(least, 1);
  expect(evictor.toEvict(false)).toBe(least);
  expect(slots.frequency[popular]).toBe(10);
  evictor.remove(popular);
  slots.release(popular);
  const newcomer = slots.take(3, 100);
  evictor.insert(newcomer);
  expect([newcomer, slots.hits[newcomer], slots.frequency[newcomer]]).toEqual([popular, 0, 0]);
});
