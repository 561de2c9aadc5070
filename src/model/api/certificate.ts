import { z } from "zod";
import { slug } from "../names.ts";
import { customerParams } from "./customer.ts";
import { obtainedRoutes } from "./obtained.ts";
import { route } from "./route.ts";

export const certificateName = z
  .string()
  .regex(/^[a-z0-9_]([a-z0-9._-]{0,256}[a-z0-9])?$/, {
    message: "expected lower-case letters, digits, dots and hyphens, such as www.shop.example",
  })
  .meta({ description: "What it is called; one that is added again takes its namesake's place" });

/** Nothing is said of `cert` and `key` but that they are texts: what was wrong is told without them. */
export const certificateAdd = z.strictObject({
  name: certificateName.optional().meta({ description: "Default: its first DNS name" }),
  cert: z
    .string()
    .meta({ description: "PEM: the certificate, then those that lead to its issuer" }),
  key: z.string().meta({ description: "PEM: its private key, not encrypted; never shown again" }),
});

export const certificateState = z.enum(["valid", "expiring", "expired", "not-yet"]);
export type CertificateState = z.infer<typeof certificateState>;

export const certificateRow = z
  .object({
    name: z.string(),
    kind: z.enum(["uploaded", "obtained"]),
    state: certificateState,
    names: z.array(z.string()).meta({ description: "DNS names it is for" }),
    answers: z.array(z.string()).meta({ description: "Host names that caches show it for" }),
    issuer: z.string(),
    keyKind: z.string().meta({ description: "Such as `EC P-256` or `RSA 2048`" }),
    serial: z.string(),
    fingerprint: z.string().meta({ description: "SHA-256, 64 hex digits" }),
    notBefore: z.string(),
    notAfter: z.string(),
    daysLeft: z.int().meta({ description: "Whole days; below 0 when it has ended" }),
    warnings: z.array(z.string()),
    addedAt: z.string(),
  })
  .meta({ id: "CertificateRow" });
export type CertificateRow = z.infer<typeof certificateRow>;

export const certificateRoutes = {
  listCertificates: route({
    method: "get",
    path: "/customers/{customer}/certificates",
    access: "viewer",
    status: 200,
    summary: "A customer's certificates, without their keys",
    params: customerParams,
    reply: z.array(certificateRow),
  }),
  addCertificate: route({
    method: "post",
    path: "/customers/{customer}/certificates",
    access: "editor",
    status: 201,
    summary: "Add a certificate with its key, or take the place of the one called so",
    params: customerParams,
    body: certificateAdd,
    reply: certificateRow,
  }),
  deleteCertificate: route({
    method: "delete",
    path: "/customers/{customer}/certificates/{name}",
    access: "editor",
    status: 204,
    summary: "Remove a certificate: within a minute no cache shows it",
    params: z.object({ customer: slug, name: certificateName }),
  }),
  listNetworkCertificates: route({
    method: "get",
    path: "/certificates",
    access: "operator",
    status: 200,
    summary: "The network's own certificates, for `c.<zone>`, without their keys",
    reply: z.array(certificateRow),
  }),
  addNetworkCertificate: route({
    method: "post",
    path: "/certificates",
    access: "operator",
    status: 201,
    summary: "Add a certificate for `c.<zone>`, which every cache then shows",
    body: certificateAdd,
    reply: certificateRow,
  }),
  deleteNetworkCertificate: route({
    method: "delete",
    path: "/certificates/{name}",
    access: "operator",
    status: 204,
    summary: "Remove a certificate of the network's own",
    params: z.object({ name: certificateName }),
  }),
  ...obtainedRoutes,
} as const;
