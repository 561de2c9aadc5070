import { z } from "zod";
import { challengeKind, obtainedState } from "../acme.ts";
import { hostname, slug } from "../names.ts";
import { customerParams } from "./customer.ts";
import { route } from "./route.ts";

export const obtainedRow = z
  .object({
    host: z.string(),
    customer: z.string().nullable().meta({ description: "Null: the network's own" }),
    kind: z.enum(["network", "second", "first", "alias"]).meta({
      description: "`c.<zone>`, `<hostname>.<zone>`, a site's own hostname, an alias of it",
    }),
    challenge: challengeKind,
    state: obtainedState.meta({ description: "`own`: an uploaded certificate is shown instead" }),
    step: z.string().meta({ description: "What is being done, while it is ordered" }),
    problem: z.string().nullable().meta({ description: "Why the last try failed" }),
    failures: z.int().meta({ description: "In a row" }),
    triedAt: z.string().nullable(),
    nextAt: z.string().nullable().meta({ description: "When it is tried again, or renewed" }),
    alarm: z.boolean().optional().meta({
      description: "It fails, and a quarter or less is left of what caches show now",
    }),
    cname: z.object({ name: z.string(), target: z.string() }).nullable().optional().meta({
      description: "With this CNAME the name is shown by DNS, also before it leads to caches",
    }),
    notAfter: z.string().nullable().meta({ description: "When what caches show now ends" }),
  })
  .meta({ id: "ObtainedRow" });
export type ObtainedRow = z.infer<typeof obtainedRow>;

export const obtainedView = z
  .object({
    directory: z.string().nullable().meta({
      description: "The authority's; null: no certificates are obtained here",
    }),
    names: z.array(obtainedRow),
  })
  .meta({ id: "ObtainedView" });
export type ObtainedView = z.infer<typeof obtainedView>;

const ofCustomer = z.object({ customer: slug, host: hostname });
const ofNetwork = z.object({ host: hostname });
/** RFC 5280 5.3.1, those that authorities take of a name's owner. */
export const revokeReason = z.enum(["unspecified", "key-compromise", "superseded", "ceased"]);
export type RevokeReason = z.infer<typeof revokeReason>;
const revoke = z.strictObject({ reason: revokeReason.default("unspecified") });

export const obtainedRoutes = {
  listObtained: route({
    method: "get",
    path: "/customers/{customer}/obtained",
    access: "viewer",
    status: 200,
    summary: "Names whose certificates the network obtains by itself, and where each stands",
    params: customerParams,
    reply: obtainedView,
  }),
  renewObtained: route({
    method: "post",
    path: "/customers/{customer}/obtained/{host}/renew",
    access: "editor",
    status: 200,
    summary: "Order a certificate, or the next one, now: once an hour for each name",
    params: ofCustomer,
    reply: obtainedRow,
  }),
  revokeObtained: route({
    method: "post",
    path: "/customers/{customer}/obtained/{host}/revoke",
    access: "editor",
    status: 200,
    summary: "Revoke what was obtained: no cache shows it any more, and another is ordered",
    params: ofCustomer,
    body: revoke,
    reply: obtainedRow,
  }),
  listNetworkObtained: route({
    method: "get",
    path: "/obtained",
    access: "operator",
    status: 200,
    summary: "The same of all customers and of `c.<zone>`",
    reply: obtainedView,
  }),
  renewNetworkObtained: route({
    method: "post",
    path: "/obtained/{host}/renew",
    access: "operator",
    status: 200,
    summary: "Order a certificate for `c.<zone>`, or the next one, now",
    params: ofNetwork,
    reply: obtainedRow,
  }),
  revokeNetworkObtained: route({
    method: "post",
    path: "/obtained/{host}/revoke",
    access: "operator",
    status: 200,
    summary: "Revoke the certificate of `c.<zone>` and order another",
    params: ofNetwork,
    body: revoke,
    reply: obtainedRow,
  }),
} as const;
