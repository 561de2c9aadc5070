/**
 * The probe role: a vantage that checks every origin and every cache, measures the way to client
 * groups, reports both on the bus, and, where it is the elected one, judges all vantages' reports
 * into health and runs `assign()`. It looks at the live snapshot only: checks start when it is
 * published and stop when it drops them. Not here: what steering makes of health (policy/steering).
 * Nothing is written to disk; what was learnt is learnt again after a restart.
 */
export { type Probe, type ProbeOptions, startProbe } from "./start.ts";
