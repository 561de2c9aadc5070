/**
 * Which server? Two pure functions on the same measurements: `assign()` decides, each tick, which
 * server every client group has at present; `steer()` turns snapshot, health and assignment into
 * ordered choices with reasons, for DNS answers, for the edge on a miss, and for explain.
 * `pick()` is the one draw among choices. No clock, no randomness, no IO; whoever calls owns both.
 */
export { assign } from "./assign.ts";
export { chainOf, usesLatency } from "./chain.ts";
export { distanceKm, rttOfDistance } from "./distance.ts";
export { queueMs, waitMs } from "./nearest-unloaded.ts";
export { hasTiers, type ParentsAsk, parentsOf, TIERS_ABOVE_MAX } from "./parents.ts";
export { pick } from "./pick.ts";
export { hasShelves, SHELVES, shelfOf } from "./shelves.ts";
export { type Simulation, simulate } from "./simulate.ts";
export { wantedSplit } from "./split.ts";
export { edgesAsk, type SteerAsk, type SteerClient, steer, type View } from "./steer.ts";
export { clientSeed, stickyBits } from "./sticky.ts";
export { isSplitByWeight, SPLIT_MS } from "./trim.ts";
export { type Who, whoGets } from "./who.ts";
