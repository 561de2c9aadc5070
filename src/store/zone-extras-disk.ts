import { z } from "zod";
import { type ServerExtrasSet, tsigUse } from "../model/zone-extras.ts";
import { TSIG_ALGORITHMS } from "../wire/dns/mod.ts";
import type { CopyKind } from "./sealed-copy.ts";

/** A name server's own copy of TSIG keys, challenges and CAA. */
export const ZONE_EXTRAS_COPY: CopyKind<ServerExtrasSet> = {
  name: "zone extras of a name server",
  shape: z.object({
    digest: z.string(),
    tsig: z.array(
      z.object({
        name: z.string(),
        customer: z.string(),
        use: tsigUse,
        algorithm: z.enum(TSIG_ALGORITHMS),
        secret: z.string(),
      }),
    ),
    challenges: z.array(
      z.object({
        customer: z.string(),
        name: z.string(),
        value: z.string(),
        expiresMs: z.number(),
      }),
    ),
    caa: z.array(z.string()).default([]),
  }),
};
