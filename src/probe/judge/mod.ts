/**
 * What is made of the vantages' reports: rise and fall, the majority's word, loads on one scale,
 * latency to client groups, and the hold when the fault is ours. Pure: reports and times come in,
 * a judgement comes out. Who judges and how it travels is in ../election.ts. State lives as long as
 * the process; another node that takes over has folded the same reports all along.
 */

export type { GroupPlace, GroupPlaces } from "./by-place.ts";
export { DemandMeter } from "./demand.ts";
export { Judge, type Judgement } from "./judge.ts";
export type { Now } from "./target-state.ts";
