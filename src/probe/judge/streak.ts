/**
 * One vantage's opinion of one check, with patience in both directions.
 *
 *   verdict   outcome   then
 *   unknown   ok        up
 *   unknown   failed    down after `fall` in a row
 *   up        failed    down after `fall` in a row
 *   down      ok        up after `rise` in a row
 *   any       as it is  the count starts again
 */
export interface Streak {
  readonly verdict: "unknown" | "up" | "down";
  /** Outcomes in a row that speak against the verdict. */
  readonly against: number;
}

export const NO_STREAK: Streak = { verdict: "unknown", against: 0 };

export function step(
  streak: Streak,
  ok: boolean,
  limits: { readonly rise: number; readonly fall: number },
): Streak {
  const says = ok ? "up" : "down";
  if (says === streak.verdict) return { verdict: says, against: 0 };
  if (ok && streak.verdict === "unknown") return { verdict: "up", against: 0 };
  const against = streak.against + 1;
  if (against < (ok ? limits.rise : limits.fall)) return { verdict: streak.verdict, against };
  return { verdict: says, against: 0 };
}
