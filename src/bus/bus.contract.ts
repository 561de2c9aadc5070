import { expect, test } from "bun:test";
import { Fault } from "../base/fault.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import { NO_HEALTH } from "../model/health.ts";
import type { Bus } from "./bus.ts";

/** What every bus promises, between two of its ends (which may be the same one). */
export function busContract(name: string, open: () => { a: Bus; b: Bus; close(): void }): void {
  const health = (number: number) => ({
    health: { ...NO_HEALTH, number },
    assignment: NO_ASSIGNMENT,
  });

  test(`${name} delivers in order to every subscriber`, async () => {
    const { a, b, close } = open();
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      b.subscribe("health", (message) => {
        seen.push(message.health.number);
        if (seen.length === 3) resolve();
      });
      for (const number of [1, 2, 3]) a.publish("health", health(number));
    });
    expect(seen).toEqual([1, 2, 3]);
    close();
  });

  test(`${name} gives a publisher's own process its message once`, async () => {
    const { a, close } = open();
    let count = 0;
    a.subscribe("health", () => count++);
    a.publish("health", health(1));
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(count).toBe(1);
    close();
  });

  test(`${name} stops delivering after unsubscribing`, async () => {
    const { a, b, close } = open();
    let count = 0;
    const stop = b.subscribe("health", () => count++);
    stop();
    a.publish("health", health(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(count).toBe(0);
    close();
  });

  test(`${name} carries a request to its responder and back`, async () => {
    const { a, b, close } = open();
    b.respond("purge.since", (ask) => ({ latest: ask.after + 1, purges: [] }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await a.request("purge.since", { after: 4 }, 1000)).toEqual({ latest: 5, purges: [] });
    close();
  });

  test(`${name} says when nobody responds, and when a responder is too slow`, async () => {
    const { a, b, close } = open();
    const code = (error: unknown) => (error instanceof Fault ? error.code : String(error));
    expect(await a.request("purge.since", { after: 0 }, 1000).catch(code)).toBe("bus-no-responder");
    b.respond("purge.since", () => new Promise(() => {}));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await a.request("purge.since", { after: 0 }, 20).catch(code)).toBe("bus-timeout");
    close();
  });

  test(`${name} hands a responder's fault to the asker`, async () => {
    const { a, b, close } = open();
    b.respond("snapshot.latest", () => {
      throw new Fault("store-busy", "locked");
    });
    await new Promise((resolve) => setImmediate(resolve));
    const fault = await a.request("snapshot.latest", { have: 0 }, 1000).catch((e: unknown) => e);
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).code).toBe("store-busy");
    expect((fault as Fault).detail).toBe("locked");
    close();
  });
}
