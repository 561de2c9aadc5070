import type { SecretSets } from "../model/secrets.ts";
import { sealWord } from "../store/sealed-word.ts";
import type { Deps } from "./deps.ts";

/**
 * Answers nodes that ask for a set of secrets, each time sealed to the node that asks.
 *
 * @param set what there is now
 * @returns the way to stop
 */
export function giveSecrets<S extends keyof SecretSets>(
  subject: S,
  { bus, rng }: Pick<Deps, "bus" | "rng">,
  set: () => SecretSets[S] | Promise<SecretSets[S]>,
): () => void {
  return bus.respond(subject, async ({ have, sealTo }) => {
    const now = await set();
    return now.digest === have ? null : sealWord(sealTo, now, rng);
  });
}
