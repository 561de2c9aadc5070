import type { Clock } from "../clock.ts";

export const realClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => performance.now(),
};
