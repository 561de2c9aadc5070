/**
 * Words between roles and machines: the interface, and the local bus for one machine. Within a
 * process messages go from hand to hand; between the processes of one tree they go through the
 * supervisor's hub, over whatever channel links a child to it. Nothing here lasts.
 */
export type { Bus } from "./bus.ts";
export { type Frame, Hub, type Link } from "./hub.ts";
export { LocalBus } from "./local.ts";
export { type Channel, SpokeBus } from "./spoke.ts";
