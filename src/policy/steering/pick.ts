import type { Choice } from "../../model/decision.ts";

/**
 * The weighted draw among choices, one and the same for all callers. Choices of weight 0 are kept
 * back for retries; if all are 0 the first is taken.
 *
 * @param seed an unsigned 32-bit number; equal seeds draw equally.
 * @example pick(decision.choices, hash32("198.51.100.0/24"))
 */
export function pick(choices: readonly Choice[], seed: number): Choice | null {
  const first = choices[0];
  if (first === undefined) return null;
  if (choices.length === 1) return first;
  let total = 0;
  for (const choice of choices) total += choice.weight;
  if (total <= 0) return first;
  let left = ((seed >>> 0) / 4294967296) * total;
  for (const choice of choices) {
    if (choice.weight <= 0) continue;
    left -= choice.weight;
    if (left < 0) return choice;
  }
  return first;
}
