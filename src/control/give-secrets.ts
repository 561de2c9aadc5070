import { createHmac } from "node:crypto";
import type { SecretSets } from "../model/secrets.ts";
import { masterKey } from "../store/sealed.ts";
import { sealWord } from "../store/sealed-word.ts";
import type { Deps } from "./deps.ts";

/**
 * Answers nodes that ask for a set of secrets, each time sealed to the node that asks. Which set they have
 * they say in the open, so it is called by a digest under a key of control's: whoever hears of one cannot
 * try what secrets would give it.
 *
 * @param set what there is now
 * @returns the way to stop
 */
export function giveSecrets<S extends keyof SecretSets>(
  subject: S,
  { bus, rng, digestKey }: Pick<Deps, "bus" | "rng" | "digestKey">,
  set: () => SecretSets[S] | Promise<SecretSets[S]>,
): () => void {
  return bus.respond(subject, async ({ have, sealTo }) => {
    const now = await set();
    const digest = createHmac("sha256", digestKey).update(`${subject} ${now.digest}`).digest("hex");
    return digest === have ? null : sealWord(sealTo, { ...now, digest }, rng);
  });
}

const KEY_BYTES = 32;

/** The key of those digests, from its file; without one that can be used each node is given its sets once more. */
export function digestKeyAt(path: string, { rng, log }: Pick<Deps, "rng" | "log">): Uint8Array {
  try {
    return masterKey(path, rng, true);
  } catch (fault) {
    log.warn("The key of digests of secrets cannot be kept", { fault });
    return rng.bytes(KEY_BYTES);
  }
}
