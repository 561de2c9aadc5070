import { z } from "zod";
import { slug } from "./names.ts";

/** How a bucket of an S3-compatible store is written to. */
const bucket = z.strictObject({
  key: slug.meta({ description: "The name of an access key (turnpike credential add)" }),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, { message: "expected a region such as eu-central-1" })
    .default("us-east-1")
    .meta({ description: "The region that requests are signed for" }),
});

/** Where caches send what they logged of a site. */
const fields = z.strictObject({
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
    .meta({
      description:
        "Takes a POST of lines, gzip; any 2xx says that they are kept. With s3: the bucket, and what objects' names begin with",
    }),
  s3: bucket.optional().meta({ description: "It is a bucket: each batch is an object of its own" }),
  format: z.enum(["json", "combined"]).default("json").meta({
    description: "JSON lines, or as Apache writes them",
  }),
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

export const siteLogs = fields.superRefine(({ to, s3, key }, context) => {
  if (s3 === undefined) return;
  const refuse = (path: string, message: string) =>
    context.addIssue({ code: "custom", path: [path], message });
  if (new URL(to).search !== "") refuse("to", "expected a bucket's address without a query");
  if (!/^(\/[A-Za-z0-9._~-]+)*\/?$/.test(new URL(to).pathname)) {
    refuse("to", "expected a bucket's address such as https://s3.example/logs/cdn");
  }
  if (key !== undefined) refuse("key", "expected none: objects are signed by the access key of s3");
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
