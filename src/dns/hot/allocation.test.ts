// Nothing is allocated for a packet: a process of its own answers more than a million, and the engine
// says so each time that it has allocated another 256 KiB. Objects have 16 octets at least, so one for
// each packet would be said four times for a kind, as the first test shows. What the compiler allocates
// for itself is less.
import { expect, test } from "bun:test";
import { CONTROL, KINDS } from "./allocation.fixture.ts";

const SAID = "Requesting GC because bytes allocated this cycle";
const SAID_LEAST = 4;

async function countAllocations(): Promise<ReadonlyMap<string, number>> {
  const script = new URL("./allocation.fixture.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, script], {
    env: { ...process.env, BUN_JSC_logGC: "1", BUN_JSC_gcMaxHeapSize: String(256 * 1024) },
    stdout: "ignore",
    stderr: "pipe",
  });
  const text = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(text.slice(-2000));
  const counts = new Map<string, number>();
  let kind = "-";
  for (const line of text.split("\n")) {
    if (line.startsWith("== ")) {
      kind = line.slice(3);
      counts.set(kind, counts.get(kind) ?? 0);
    } else if (line.includes(SAID)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

test("answer() allocates nothing, whatever is asked", async () => {
  const counts = await countAllocations();
  expect(counts.get(CONTROL)).toBeGreaterThanOrEqual(SAID_LEAST);
  const allocating = KINDS.filter(([kind]) => !((counts.get(kind) ?? 99) < SAID_LEAST));
  expect(allocating.map(([kind]) => [kind, counts.get(kind)])).toEqual([]);
}, 120_000);
