import { busContract } from "./bus.contract.ts";
import { type Frame, Hub } from "./hub.ts";
import { LocalBus } from "./local.ts";
import { SpokeBus } from "./spoke.ts";

busContract("LocalBus", () => {
  const bus = new LocalBus();
  return { a: bus, b: bus, close: () => bus.close() };
});

function spokeOf(hub: Hub): SpokeBus {
  const handlers: ((frame: Frame) => void)[] = [];
  const link = hub.attach((frame) => {
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
