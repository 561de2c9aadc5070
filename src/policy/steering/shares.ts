import type { Decision } from "../../model/decision.ts";

/** Share of answers by target id: what draws come to over many clients. */
export function sharesByTarget({ choices }: Decision): ReadonlyMap<string, number> {
  const total = choices.reduce((sum, choice) => sum + choice.weight, 0);
  const shares = new Map<string, number>();
  for (const [i, { id, weight }] of choices.entries()) {
    const share = total > 0 ? weight / total : Number(i === 0);
    if (share > 0) shares.set(id, share);
  }
  return shares;
}
