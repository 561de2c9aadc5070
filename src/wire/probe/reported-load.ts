/** One load that a server tells of itself, on the common scale: 0 idle, 1 at capacity. */
export interface ReportedLoad {
  readonly kind: "cpu" | "memory" | "network" | "reported";
  readonly load: number;
  /** For people, such as `busy 84 % of 2 CPUs`. */
  readonly detail: string;
}

/** Memory counts as load from here on: (used - 0.8) / 0.2. */
const MEMORY_IDLE_SHARE = 0.8;

/** @example memoryShareLoad(0.9) // 0.5, as far as floats go */
export function memoryShareLoad(used: number): number {
  return Math.max(0, (used - MEMORY_IDLE_SHARE) / (1 - MEMORY_IDLE_SHARE));
}
