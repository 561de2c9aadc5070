import type { Rng } from "../rng.ts";

export const realRng: Rng = {
  float: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 4294967296,
  bytes: (n) => crypto.getRandomValues(new Uint8Array(n)),
};
