import { z } from "zod";
import { slug } from "./names.ts";

/** Where caches send what they logged of a site. */
export const siteLogs = z.strictObject({
  to: z
    .url({
      protocol: /^https?$/,
      message: "expected an address such as https://logs.shop.example/in",
    })
    .max(1_000)
    .refine((url) => {
      const { username, password, hash } = new URL(url);
      return `${username}${password}${hash}` === "";
    }, "expected an address without user, password or fragment")
    .meta({ description: "Takes a POST of lines, gzip; any 2xx says that they are kept" }),
  format: z.enum(["json", "combined"]).default("json"),
  each: z.int().min(1).max(1_000_000).default(1).meta({
    description: "One of so many requests is written down",
  }),
  everySec: z.int().min(1).max(3_600).default(10).meta({
    description: "A batch is sent after so long, or once it holds 1 MiB",
  }),
  key: slug.optional().meta({
    description: "The customer's signing key by which batches are signed (HMAC-SHA256)",
  }),
});
export type SiteLogs = z.infer<typeof siteLogs>;

/** How the delivery of one site's log goes at one cache, since the cache's start. */
export interface LogsTold {
  readonly deliveredLines: number;
  /** Lines that found no room any more. */
  readonly lostLines: number;
  readonly waitingBytes: number;
  /** Why the last attempt failed; null after one that succeeded. */
  readonly fault: string | null;
}
