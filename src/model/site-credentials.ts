import { z } from "zod";
import { hostname, slug } from "./names.ts";
import { mayGiveRequest } from "./rules-headers.ts";

/** What caches make of requests themselves. */
const OURS = /^(accept|user-agent|forwarded|x-forwarded-.*|x-real-ip)$/;

const secretField = z
  .string()
  .transform((name) => name.toLowerCase())
  .refine((name) => mayGiveRequest(name) && !OURS.test(name), {
    message: "expected a field that caches may add to requests, such as X-Origin-Secret",
  });

/** How caches show a site's web servers that they are caches of this network; by names of credentials. */
export const siteCredentials = {
  secret: z
    .strictObject({
      field: secretField.default("x-origin-secret").meta({ description: "The field it goes in" }),
      keys: z.array(slug).min(1).max(2).meta({
        description: "Names of values: the first that there is goes with each request",
      }),
    })
    .optional()
    .meta({ description: "A secret value in a field of each request to its servers" }),
  s3: z
    .strictObject({
      key: slug.meta({ description: "The name of an access key" }),
      host: hostname.meta({
        description: "The bucket's name at the store, such as media.s3.eu-central-1.amazonaws.com",
      }),
      region: z
        .string()
        .regex(/^[a-z0-9-]{1,64}$/, { message: "expected a region such as eu-central-1" })
        .default("us-east-1")
        .meta({ description: "The region that requests are signed for" }),
      prefix: z
        .string()
        .regex(/^(\/[A-Za-z0-9._~-]+)*$/, { message: "expected a path such as /media" })
        .refine((path) => !/\/\.{1,2}(\/|$)/.test(path), { message: "expected no . or .. in it" })
        .default("")
        .meta({ description: "What stands before each object's path, such as the bucket" }),
    })
    .optional()
    .meta({ description: "Its servers are a private bucket of an S3-compatible store" }),
  certificate: slug.optional().meta({
    description: "The name of a client certificate that its servers ask for",
  }),
};
