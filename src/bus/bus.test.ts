import { expect, test } from "bun:test";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import { NO_HEALTH } from "../model/health.ts";
import { busContract } from "./bus.contract.ts";
import { type Frame, Hub } from "./hub.ts";
import { LocalBus } from "./local.ts";
import { SpokeBus } from "./spoke.ts";

busContract("LocalBus", () => {
  const bus = new LocalBus();
  return { a: bus, b: bus, close: () => bus.close() };
});

function spokeOf(hub: Hub, see: (frame: Frame) => void = () => {}): SpokeBus {
  const handlers: ((frame: Frame) => void)[] = [];
  const link = hub.attach((frame) => {
    see(frame);
    const copy = structuredClone(frame);
    for (const handler of handlers) handler(copy);
  });
  return new SpokeBus({
    send: (frame) => link.receive(structuredClone(frame)),
    onFrame: (handler) => handlers.push(handler),
  });
}

busContract("Hub to spoke", () => {
  const hub = new Hub();
  return { a: hub, b: spokeOf(hub), close: () => hub.close() };
});

busContract("Spoke to hub", () => {
  const hub = new Hub();
  return { a: spokeOf(hub), b: hub, close: () => hub.close() };
});

busContract("Spoke to spoke", () => {
  const hub = new Hub();
  return { a: spokeOf(hub), b: spokeOf(hub), close: () => hub.close() };
});

test("a process is sent the events that somebody in it waits for, and no others", async () => {
  const hub = new Hub();
  const sent: Frame[] = [];
  const spoke = spokeOf(hub, (frame) => sent.push(frame));
  const other = spokeOf(hub);
  const event = { health: NO_HEALTH, assignment: NO_ASSIGNMENT };
  const seen: string[] = [];
  const hear = (name: string) => spoke.subscribe("health", () => seen.push(name));
  other.publish("health", event);
  expect(sent).toEqual([]);
  const [first, second] = [hear("first"), hear("second")];
  first();
  first();
  other.publish("health", event);
  await Promise.resolve();
  expect([sent.length, seen]).toEqual([1, ["second"]]);
  second();
  other.publish("health", event);
  expect(sent.length).toBe(1);
  hear("third");
  other.publish("health", event);
  await Promise.resolve();
  expect([sent.length, seen]).toEqual([2, ["second", "third"]]);
  hub.close();
});
