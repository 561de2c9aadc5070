import type { Bus } from "../bus/mod.ts";
import type { SecretSets } from "../model/secrets.ts";
import { NodeBox } from "../store/sealed-word.ts";

const box = new NodeBox(Buffer.alloc(32, 5));

/** Asks control for a set of secrets, as a node does. */
export async function askSecrets<S extends keyof SecretSets>(
  bus: Bus,
  subject: S,
  have = "",
): Promise<SecretSets[S] | null> {
  const word = await bus.request(subject, { have, sealTo: box.sealTo }, 2000);
  return word === null ? null : (box.open(word) as SecretSets[S]);
}
