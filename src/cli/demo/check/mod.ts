/**
 * `demo --check`: the contract, claim by claim, proved against the running demo with real stub
 * resolvers and HTTP clients. One file per group of sentences; each claim waits on conditions with
 * a bound, leaves the world calm, and returns its evidence as a line. Nothing here reads the
 * product's state but through DNS, HTTP, its API and the web servers' own access logs.
 */
export { type CheckResults, type ClaimResult, runChecks } from "./run.ts";
