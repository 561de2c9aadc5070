import { describe, expect, test } from "bun:test";
import { Stall } from "../../test/lab/stall.ts";
import { realClock } from "../base/real/clock.ts";
import type { CheckReport } from "../model/messages.ts";
import { LEAST_EVERY_MS, startOutbox } from "./outbox.ts";

function report(target: string, ok: boolean): CheckReport {
  const timings = { connectMs: null, firstByteMs: null, totalMs: null };
  return { target, check: "http", family: 4, ok, failure: "", atMs: 0, ...timings };
}

/** Runs `act` on an outbox; the batches it sent until `count` of them came, each with its time without stalls. */
async function batches(
  count: number,
  act: (add: (report: CheckReport) => void) => void,
): Promise<{ targets: string[]; afterMs: number }[]> {
  const startMs = realClock.monoMs();
  const stall = new Stall();
  const sent: { targets: string[]; afterMs: number }[] = [];
  await new Promise<void>((resolve) => {
    const outbox = startOutbox((checks) => {
      const afterMs = realClock.monoMs() - startMs - stall.lostMs;
      sent.push({ targets: checks.map((check) => check.target), afterMs });
      if (sent.length < count) return;
      outbox.stop();
      stall.stop();
      resolve();
    });
    act(outbox.add);
  });
  return sent;
}

describe("startOutbox()", () => {
  test("sends what waits when it is told to, and nothing where nothing does", () => {
    const sent: string[][] = [];
    const outbox = startOutbox((checks) => sent.push(checks.map((check) => check.target)));
    outbox.flush();
    outbox.add(report("a", true));
    outbox.flush();
    outbox.flush();
    outbox.stop();
    expect(sent).toEqual([["a"]]);
  });

  test("sends what changed at once, together with what came meanwhile, in order", async () => {
    const [first] = await batches(1, (add) => {
      add(report("a", true));
      add(report("b", false));
      add(report("a", false));
    });
    expect(first?.targets).toEqual(["a", "b", "a"]);
    expect(first?.afterMs).toBeLessThan(150);
  });

  test("tells each of the first failures in a row at once: the last of them decides", async () => {
    const sent = await batches(2, (add) => {
      add(report("a", false));
      setTimeout(() => add(report("a", false)), 60);
    });
    expect(sent.map((batch) => batch.targets)).toEqual([["a"], ["a"]]);
    const gap = (sent[1]?.afterMs ?? 0) - (sent[0]?.afterMs ?? 0);
    expect(gap).toBeLessThan(250);
  });

  test("sends what did not change soon, and something every 300 ms", async () => {
    const sent = await batches(3, (add) => {
      add(report("a", true));
      setTimeout(() => add(report("a", true)), 60);
    });
    expect(sent.map((batch) => batch.targets)).toEqual([["a"], ["a"], []]);
    const gap = (sent[1]?.afterMs ?? 0) - (sent[0]?.afterMs ?? 0);
    expect(gap).toBeLessThan(700);
    const beat = (sent[2]?.afterMs ?? 0) - (sent[1]?.afterMs ?? 0);
    expect(beat).toBeLessThan(LEAST_EVERY_MS + 200);
  });
});
