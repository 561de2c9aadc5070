import { z } from "zod";
import { slug } from "../names.ts";
import { credentialGiven } from "../origin-credential.ts";
import { addressRoutes } from "./addresses.ts";
import { customerParams } from "./customer.ts";
import { route } from "./route.ts";

const credentialParams = z.object({ customer: slug, name: slug });
const PATH = "/customers/{customer}/credentials/{name}";

export type CredentialPut = z.infer<typeof credentialGiven>;

export const credentialMade = z
  .object({
    name: z.string(),
    kind: z.enum(["value", "certificate", "access-key"]),
    value: z.string().optional().meta({ description: "Where it was made here; only this once" }),
  })
  .meta({ id: "CredentialMade" });
export type CredentialMade = z.infer<typeof credentialMade>;

export const credentialRow = z
  .object({
    name: z.string(),
    kind: z.enum(["value", "certificate", "access-key"]),
    madeAt: z.string(),
    about: z.string().meta({
      description: "Of a certificate its subject and end, of an access key its id; else empty",
    }),
    sites: z.array(z.string()).meta({ description: "Hostnames of those that name it" }),
  })
  .meta({ id: "CredentialRow" });
export type CredentialRow = z.infer<typeof credentialRow>;

/** Routes by which web servers are kept to caches. */
export const credentialRoutes = {
  ...addressRoutes,
  listCredentials: route({
    method: "get",
    path: "/customers/{customer}/credentials",
    access: "viewer",
    status: 200,
    summary: "By what caches show a customer's web servers that they are caches; no secrets",
    params: customerParams,
    reply: z.array(credentialRow),
  }),
  putCredential: route({
    method: "put",
    path: PATH,
    access: "editor",
    status: 200,
    summary: "Keep a credential for web servers, or put another in its place",
    params: credentialParams,
    body: credentialGiven,
    reply: credentialMade,
  }),
  deleteCredential: route({
    method: "delete",
    path: PATH,
    access: "editor",
    status: 204,
    summary: "Remove a credential: sites that need it are not fetched from then on",
    params: credentialParams,
  }),
} as const;
