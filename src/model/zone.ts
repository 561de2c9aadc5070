import { z } from "zod";
import { dnssec, hostname } from "./names.ts";

/** A plain record of a hosted zone. `name` is relative to the zone; `@` is the apex. */
export const zoneRecord = z.strictObject({
  name: z.string().min(1).max(253).toLowerCase(),
  type: z.enum(["A", "AAAA", "CNAME", "NS", "TXT"]),
  ttlSec: z.int().min(0).max(604_800).default(3600),
  value: z.string().min(1).max(65_535),
});
export type ZoneRecord = z.infer<typeof zoneRecord>;

/** A customer's zone that our name servers hold whole (onboarding `hosted`). */
export const zone = z.strictObject({
  name: hostname,
  dnssec: dnssec.optional(),
  records: z.array(zoneRecord).max(10_000).default([]),
});
export type Zone = z.infer<typeof zone>;
