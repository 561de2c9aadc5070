import { z } from "zod";
import { hostname, slug } from "../names.ts";
import { route } from "./route.ts";

const CLAIMS = "/customers/{customer}/claims";
const CLAIM = `${CLAIMS}/{name}` as const;
const params = z.object({ customer: slug, name: hostname });

/** A zone or site that is not served until its customer has shown that its names are theirs. */
export const claimView = z
  .object({
    customer: z.string(),
    name: z.string(),
    kind: z.enum(["zone", "site"]),
    state: z.enum(["pending", "proven"]).meta({ description: "Proven: it is served now" }),
    proofs: z
      .array(
        z.object({
          name: z.string(),
          txt: z.object({ name: z.string(), value: z.string() }),
          ns: z.array(z.string()).nullable().meta({
            description:
              "Or the parent zone delegates the name to these; null where only TXT shows it",
          }),
        }),
      )
      .meta({ description: "What is to be set, for each name either TXT or NS" }),
    createdAt: z.string(),
    checkedAt: z.string().nullable(),
    problem: z.string().nullable().meta({ description: "What was missing when it was checked" }),
  })
  .meta({ id: "Claim" });
export type ClaimView = z.infer<typeof claimView>;

export const claimRoutes = {
  listClaims: route({
    method: "get",
    path: CLAIMS,
    access: "viewer",
    status: 200,
    summary: "Zones and sites that wait for a proof that their names are the customer's",
    params: z.object({ customer: slug }),
    reply: z.array(claimView),
  }),
  checkClaim: route({
    method: "post",
    path: `${CLAIM}/check`,
    access: "editor",
    status: 200,
    summary: "Look for the proof now; what is proven is published at once",
    params,
    reply: claimView,
  }),
  deleteClaim: route({
    method: "delete",
    path: CLAIM,
    access: "editor",
    status: 204,
    summary: "Give a claim up",
    params,
  }),
} as const;
