import { type MakeEvictor, nextOf, Slots } from "../src/edge/cache/evict/mod.ts";
import type { Trace } from "./cache-traces.ts";

const ABSENT = -1;

/** Puts a trace through one evictor with so much room. Objects above an eighth of it are not held. */
export function simulate(
  trace: Pick<Trace, "keys" | "sizes" | "objects">,
  make: MakeEvictor,
  bytesMax: number,
): { hits: number; hitBytes: number; bytes: number; memoryPerObject: number } {
  const slots = new Slots({ ranked: true });
  const evictor = make(slots);
  const slotOf = new Int32Array(trace.objects).fill(ABSENT);
  let keyOf = new Int32Array(1024);
  const done = { hits: 0, hitBytes: 0, bytes: 0, memoryPerObject: 0 };
  for (const key of trace.keys) {
    const size = trace.sizes?.[key] ?? 1;
    done.bytes += size;
    if (slotOf[key] !== ABSENT) {
      done.hits++;
      done.hitBytes += size;
      evictor.find(slotOf[key]!);
      continue;
    }
    if (size > 1 && size > bytesMax / 8) continue;
    while (evictor.bytes + size > bytesMax) {
      const victim = nextOf(evictor);
      evictor.remove(victim);
      slots.release(victim);
      slotOf[keyOf[victim]!] = ABSENT;
    }
    const slot = slots.take(Math.imul(key + 1, 0x9e3779b1) >>> 0, size);
    if (slot >= keyOf.length) {
      const larger = new Int32Array(slot * 2);
      larger.set(keyOf);
      keyOf = larger;
    }
    keyOf[slot] = key;
    slotOf[key] = slot;
    evictor.insert(slot);
  }
  done.memoryPerObject = evictor.ownBytes / Math.max(1, evictor.count) + slots.slotBytes;
  return done;
}
