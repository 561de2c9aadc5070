import { expect, test } from "bun:test";
import { FakeClock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { heldByAll } from "./ask-all.ts";

/** What a name server says at a time, ms: it holds it, has something older, or says nothing (in 2 s). */
type Server = (atMs: number) => boolean | null;

const holds: Server = () => true;
const silent: Server = () => null;
const older: Server = () => false;

/** What comes of these servers, on which day of a fake clock, and who was left out. */
async function outcome(servers: Readonly<Record<string, Server>>, down: readonly string[] = []) {
  const clock = new FakeClock();
  let left: readonly string[] = [];
  let asked = 0;
  const nodes = Object.keys(servers).map((name) => {
    return { name, address: name, isDown: down.includes(name) };
  });
  const done = heldByAll({
    ...{ what: "it", nodes, nowMs: () => clock.monoMs() },
    ask: async (address) => {
      asked += 1;
      const said = servers[address]?.(clock.monoMs()) ?? null;
      // One after the other, so the clock may go on with each.
      if (said === null) clock.advance(2000);
      return said;
    },
    wait: async (ms) => clock.advance(ms),
    onSilent: (names) => {
      left = names;
    },
  });
  const fault = await done.then(
    () => null,
    (error: unknown) => error,
  );
  const words = fault instanceof Fault ? `${fault.code}: ${fault.detail}` : "held";
  return { words, left, asked, ms: clock.monoMs() };
}

test("all name servers that answer must hold it; one that has something older is waited for", async () => {
  expect(await outcome({ a: holds, b: holds })).toEqual({
    ...{ words: "held", left: [], asked: 2, ms: 0 },
  });
  const late: Server = (atMs) => atMs >= 3000;
  expect(await outcome({ a: holds, b: late })).toMatchObject({ words: "held", left: [] });
  const never = await outcome({ a: holds, b: older, c: holds });
  expect(never.words).toBe("challenge-not-held: it at b");
  expect(never.ms).toBeGreaterThan(20_000);
});

test("one that says nothing for some seconds is left out and named, and one known to be down at once", async () => {
  const slow = await outcome({ a: holds, b: silent });
  expect([slow.words, slow.left]).toEqual(["held", ["b"]]);
  expect(slow.ms).toBeGreaterThan(5000);
  expect(slow.ms).toBeLessThan(10_000);
  const known = await outcome({ a: holds, b: silent }, ["b"]);
  expect([known.words, known.left, known.asked]).toEqual(["held", ["b"], 2]);
  // Down for caches' clients only: its name server answers, and so has to hold it.
  expect((await outcome({ a: holds, b: older }, ["b"])).words).toBe("challenge-not-held: it at b");
});

test("where nobody answers it is not held, and a server that comes back meanwhile has to hold it", async () => {
  expect((await outcome({ a: silent, b: silent }, ["a", "b"])).words).toBe(
    "challenge-not-held: it at a, b",
  );
  const back: Server = (atMs) => (atMs < 4000 ? null : atMs >= 8000);
  expect(await outcome({ a: holds, b: back })).toMatchObject({ words: "held", left: [] });
});
