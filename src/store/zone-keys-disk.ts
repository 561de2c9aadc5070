import { z } from "zod";
import type { ZoneKeySet } from "../model/zone-keys.ts";
import type { CopyKind } from "./sealed-copy.ts";

/** A name server's own copy of the keys that it signs with. */
export const ZONE_KEYS_COPY: CopyKind<ZoneKeySet> = {
  name: "zone keys of a name server",
  shape: z.object({
    digest: z.string(),
    keys: z.array(
      z.object({
        zone: z.string().min(1),
        algorithm: z.union([z.literal(13), z.literal(15)]),
        state: z.enum(["prepared", "active", "retiring"]),
        publicKey: z.string(),
        privateKey: z.string(),
      }),
    ),
  }),
};
