import type { Choice } from "../../model/decision.ts";
import { raceTime } from "./sticky.ts";

/**
 * The weighted draw among choices, one and the same for all callers. Choices of weight 0 are kept
 * back for retries; if all are 0 the first is taken. Choices that stick to clients are drawn by
 * rendezvous: there the seed is `clientSeed()` of the client's address.
 *
 * @param seed an unsigned 32-bit number; equal seeds draw equally.
 * @example pick(decision.choices, hash32("198.51.100.0/24"))
 */
export function pick(choices: readonly Choice[], seed: number): Choice | null {
  const first = choices[0];
  if (first === undefined) return null;
  if (choices.length === 1) return first;
  if (first.stick !== undefined) return race(choices, seed) ?? first;
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

function race(choices: readonly Choice[], seed: number): Choice | null {
  let best: Choice | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const choice of choices) {
    const time = raceTime(choice.stick ?? 0, seed, choice.weight);
    if (time < least) {
      best = choice;
      least = time;
    }
  }
  return best;
}
