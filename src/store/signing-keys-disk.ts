import { z } from "zod";
import type { SigningKeySet } from "../model/signing-keys.ts";
import type { CopyKind } from "./sealed-copy.ts";

/** A cache's own copy of the keys of signed addresses. */
export const SIGNING_KEYS_COPY: CopyKind<SigningKeySet> = {
  name: "signing keys of a cache",
  shape: z.object({
    digest: z.string(),
    keys: z.array(z.object({ customer: z.string(), name: z.string(), secret: z.string() })),
  }),
};
