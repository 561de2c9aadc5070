import { z } from "zod";
import { TSIG_ALGORITHMS } from "../../wire/dns/mod.ts";
import { hostname, slug } from "../names.ts";
import { tsigUse, zoneTransfer } from "../zone-extras.ts";
import { route } from "./route.ts";
import { zoneChanged } from "./zone.ts";

const KEYS = "/customers/{customer}/tsig-keys";
const TRANSFER = "/customers/{customer}/zones/{zone}/transfer";
const customerOnly = z.object({ customer: slug });
const zoneParams = z.object({ customer: slug, zone: hostname });
const algorithm = z.enum(TSIG_ALGORITHMS);

/** A TSIG key (RFC 8945) without its secret. */
export const tsigKeyRow = z
  .object({
    name: z.string().meta({ description: "As DNS has it" }),
    key: z.string(),
    use: tsigUse,
    algorithm,
    createdAt: z.string(),
  })
  .meta({ id: "TsigKey" });
export type TsigKeyRow = z.infer<typeof tsigKeyRow>;

export const tsigKeyCreate = z.strictObject({
  key: slug,
  use: tsigUse.meta({
    description: "transfer: to fetch zones; acme: to set _acme-challenge TXT records by updates",
  }),
  algorithm: algorithm.default("hmac-sha256"),
});

export const tsigKeyCreated = tsigKeyRow
  .extend({ secret: z.string().meta({ description: "In base64; it is told only once" }) })
  .meta({ id: "TsigKeyCreated" });

export const zoneExtraRoutes = {
  listTsigKeys: route({
    method: "get",
    path: KEYS,
    access: "viewer",
    status: 200,
    summary: "A customer's TSIG keys",
    params: customerOnly,
    reply: z.array(tsigKeyRow),
  }),
  createTsigKey: route({
    method: "post",
    path: KEYS,
    access: "editor",
    status: 201,
    summary: "Make a TSIG key; its secret is in this answer only",
    params: customerOnly,
    body: tsigKeyCreate,
    reply: tsigKeyCreated,
  }),
  deleteTsigKey: route({
    method: "delete",
    path: `${KEYS}/{key}`,
    access: "editor",
    status: 204,
    summary: "Take a TSIG key back",
    params: customerOnly.extend({ key: slug }),
  }),
  putTransfer: route({
    method: "put",
    path: TRANSFER,
    access: "editor",
    status: 200,
    summary: "Let secondaries fetch a hosted zone, and tell them when it changes",
    params: zoneParams,
    body: zoneTransfer,
    reply: zoneChanged,
  }),
  deleteTransfer: route({
    method: "delete",
    path: TRANSFER,
    access: "editor",
    status: 200,
    summary: "Refuse transfers of a zone again",
    params: zoneParams,
    reply: zoneChanged,
  }),
} as const;
