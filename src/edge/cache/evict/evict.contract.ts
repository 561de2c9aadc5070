import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Evictor, type MakeEvictor, NONE, nextOf, Slots } from "./mod.ts";

/** A cache of numbers over one evictor, as the tiers use it. */
export class Model {
  readonly slots = new Slots({ ranked: true });
  readonly evictor: Evictor;
  readonly held = new Map<number, number>();
  readonly #keys = new Map<number, number>();
  readonly #bytesMax: number;

  constructor(make: MakeEvictor, bytesMax: number) {
    this.evictor = make(this.slots);
    this.#bytesMax = bytesMax;
  }

  /** True on a hit. */
  ask(key: number, bytes: number): boolean {
    const slot = this.held.get(key);
    if (slot !== undefined) {
      this.evictor.find(slot);
      return true;
    }
    while (this.evictor.count > 0 && this.evictor.bytes + bytes > this.#bytesMax) {
      this.drop(this.#keys.get(nextOf(this.evictor))!);
    }
    const taken = this.slots.take(Math.imul(key + 1, 0x9e3779b1) >>> 0, bytes);
    this.held.set(key, taken);
    this.#keys.set(taken, key);
    this.evictor.insert(taken);
    return false;
  }

  drop(key: number): void {
    const slot = this.held.get(key);
    if (slot === undefined) return;
    this.evictor.remove(slot);
    this.slots.release(slot);
    this.held.delete(key);
    this.#keys.delete(slot);
  }
}

/** What every evictor does, whatever it prefers. */
export function evictorContract(name: string, make: MakeEvictor): void {
  describe(`${name} as an evictor`, () => {
    test("names only what it holds, and counts it truly, whatever comes in whatever order", () => {
      const act = fc.oneof(
        { weight: 4, arbitrary: fc.record({ ask: fc.nat(60), bytes: fc.nat(3_000) }) },
        fc.record({ drop: fc.nat(60) }),
      );
      fc.assert(
        fc.property(fc.array(act, { minLength: 50, maxLength: 300 }), (acts) => {
          const model = new Model(make, 10_000);
          const sizes = new Map<number, number>();
          for (const a of acts) {
            if ("drop" in a) model.drop(a.drop);
            else if (!model.ask(a.ask, a.bytes)) sizes.set(a.ask, a.bytes);
            let bytes = 0;
            for (const key of model.held.keys()) bytes += sizes.get(key)!;
            const { evictor } = model;
            expect([evictor.count, evictor.bytes]).toEqual([model.held.size, bytes]);
            expect(evictor.bytes).toBeLessThanOrEqual(10_000);
            expect(evictor.probationBytes).toBeLessThanOrEqual(evictor.bytes);
          }
        }),
        { numRuns: 60 },
      );
    });

    test("empties itself, each slot once, and then names nobody", () => {
      for (const fromProbation of [true, false]) {
        const slots = new Slots({ ranked: true });
        const evictor = make(slots);
        const all = Array.from({ length: 500 }, (_, i) => slots.take(i * 7919, 1 + (i % 9)));
        for (const slot of all) {
          if (slot % 3 === 0) evictor.restore(slot, slot);
          else evictor.insert(slot);
          for (let i = 0; i < slot % 5; i++) evictor.find(slot);
        }
        const gone = new Set<number>();
        while (evictor.count > 0) {
          const slot = evictor.toEvict(fromProbation);
          evictor.remove(slot);
          gone.add(slot);
        }
        expect([gone.size, evictor.bytes, evictor.probationBytes]).toEqual([500, 0, 0]);
        expect(evictor.toEvict(fromProbation)).toBe(NONE);
      }
    });

    test("keeps what is asked for again and again through a flood of what is asked for once", () => {
      const model = new Model(make, 100);
      for (let turn = 0; turn < 20; turn++) for (let key = 0; key < 20; key++) model.ask(key, 1);
      let hits = 0;
      for (let once = 1_000; once < 3_000; once++) {
        model.ask(once, 1);
        if (model.ask(once % 20, 1)) hits++;
      }
      expect(hits).toBeGreaterThan(1_990);
    });

    test("lets what was popular once go in the end", () => {
      const model = new Model(make, 100);
      for (let turn = 0; turn < 20; turn++) for (let key = 0; key < 50; key++) model.ask(key, 1);
      for (let ask = 0; ask < 60_000; ask++) model.ask(100 + ((ask >> 1) % 80), 1);
      const left = Array.from({ length: 50 }, (_, key) => model.held.has(key));
      expect(left.filter(Boolean).length).toBeLessThan(25);
    });

    test("costs at most 64 bytes of memory an object, ghosts and heaps counted", () => {
      const model = new Model(make, 20_000);
      for (let key = 0; key < 60_000; key++) model.ask(key, 1);
      const each = model.evictor.ownBytes / model.evictor.count + model.slots.slotBytes;
      expect(each).toBeLessThanOrEqual(64);
    });
  });
}
