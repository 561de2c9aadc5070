import { z } from "zod";
import { slug } from "./names.ts";
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
      field: secretField.default("x-origin-secret"),
      keys: z.array(slug).min(1).max(2).meta({
        description: "Names of values: the first that there is goes with each request",
      }),
    })
    .optional()
    .meta({ description: "A secret value in a field of each request to its servers" }),
  certificate: slug.optional().meta({
    description: "The name of a client certificate that its servers ask for",
  }),
};
