import { z } from "zod";
import type { EdgeCertificateSet } from "../model/certificate.ts";
import type { CopyKind } from "./sealed-copy.ts";

/** A cache's own copy of certificates with their keys. */
export const CERTIFICATES_COPY: CopyKind<EdgeCertificateSet> = {
  name: "certificates of a cache",
  shape: z.object({
    digest: z.string(),
    certificates: z.array(
      z.object({
        id: z.string(),
        customer: z.string(),
        name: z.string(),
        names: z.array(z.string()),
        notBeforeMs: z.number(),
        notAfterMs: z.number(),
        cert: z.string(),
        key: z.string(),
      }),
    ),
  }),
};
