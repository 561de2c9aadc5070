import { z } from "zod";
import { hostname, slug } from "../names.ts";
import { ZONE_LIMITS, zoneRecord } from "../zone.ts";
import { claimView } from "./claim.ts";
import { problem } from "./problem.ts";
import { route } from "./route.ts";

const ZONES = "/customers/{customer}/zones";
const ZONE = `${ZONES}/{zone}` as const;
const RECORDS = `${ZONE}/records/{name}/{type}` as const;

const customerOnly = z.object({ customer: slug });
const params = z.object({ customer: slug, zone: hostname });
const setParams = params.extend({
  name: z.string().min(1).max(1004).meta({ description: "Relative to the zone; @ is the zone" }),
  type: z.string().min(1).max(20).meta({ description: "Such as MX, or TYPE123" }),
});

const kind = z.enum(["hosted", "delegated"]).meta({
  description: "Held whole, or a site's delegated hostname with other records beside it",
});

export const zoneRow = z
  .object({ customer: z.string(), name: z.string(), kind, records: z.int() })
  .meta({ id: "ZoneRow" });
export type ZoneRow = z.infer<typeof zoneRow>;

const recordView = z.object({
  name: z.string(),
  type: z.string(),
  ttlSec: z.int(),
  value: z.string(),
});

export const zoneView = z
  .object({
    customer: z.string(),
    name: z.string(),
    kind,
    transfer: z
      .object({ key: z.string(), to: z.array(z.string()) })
      .optional()
      .meta({ description: "Secondaries that may fetch it" }),
    nameServers: z.array(z.string()).meta({ description: "Point the parent's NS at these" }),
    signed: z.boolean().meta({ description: "By DNSSEC; its parent is to have the zone's DS" }),
    records: z.array(recordView),
    warnings: z.array(problem).meta({ description: "What is allowed and likely wrong" }),
  })
  .meta({ id: "ZoneView" });
export type ZoneView = z.infer<typeof zoneView>;

export const zoneText = z.object({ name: z.string(), text: z.string() }).meta({ id: "ZoneText" });

/** Makes the zone what is given: a master file's text, or records. */
export const zonePut = z
  .strictObject({
    text: z.string().max(8_000_000).optional().meta({ description: "A master file (RFC 1035 5)" }),
    records: z.array(zoneRecord).max(ZONE_LIMITS.records).optional(),
    dryRun: z.boolean().default(false).meta({ description: "Only say what would change" }),
  })
  .refine((o) => (o.text === undefined) !== (o.records === undefined), {
    message: "expected one of text and records",
  });

export const recordSetPut = z.strictObject({
  ttlSec: z.int().min(0).max(604_800).default(3600),
  values: z.array(z.string()).min(1).max(1000).meta({
    description: "As in a master file; names are absolute; TXT may be the plain text",
  }),
});

/** What every change of a zone answers: it is published at once. */
export const zoneChanged = z
  .object({
    changes: z.array(z.string()),
    version: z.int(),
    snapshot: z.int().nullable().meta({ description: "Null when nothing changed" }),
    dryRun: z.boolean(),
    warnings: z.array(problem).meta({ description: "What is allowed and likely wrong" }),
    ignored: z.array(z.string()).meta({ description: "What of a file was left out, and why" }),
    pending: claimView.optional().meta({
      description: "Nothing was changed: it waits for a proof that its names are the customer's",
    }),
  })
  .meta({ id: "ZoneChanged" });
export type ZoneChanged = z.infer<typeof zoneChanged>;

export const zoneRoutes = {
  listZones: route({
    method: "get",
    path: ZONES,
    access: "viewer",
    status: 200,
    summary: "A customer's zones, and delegated hostnames",
    params: customerOnly,
    reply: z.array(zoneRow),
  }),
  putZone: route({
    method: "put",
    path: ZONE,
    access: "editor",
    status: 200,
    summary: "Add a zone or replace its records, from a master file or as records",
    params,
    body: zonePut,
    reply: zoneChanged,
  }),
  readZone: route({
    method: "get",
    path: ZONE,
    access: "viewer",
    status: 200,
    summary: "One zone with its records",
    params,
    reply: zoneView,
  }),
  readZoneText: route({
    method: "get",
    path: `${ZONE}/text`,
    access: "viewer",
    status: 200,
    summary: "One zone as a master file",
    params,
    reply: zoneText,
  }),
  putRecords: route({
    method: "put",
    path: RECORDS,
    access: "editor",
    status: 200,
    summary: "Replace the records of a name and type",
    params: setParams,
    body: recordSetPut,
    reply: zoneChanged,
  }),
  deleteRecords: route({
    method: "delete",
    path: RECORDS,
    access: "editor",
    status: 200,
    summary: "Remove the records of a name and type",
    params: setParams,
    reply: zoneChanged,
  }),
  deleteZone: route({
    method: "delete",
    path: ZONE,
    access: "editor",
    status: 200,
    summary: "Remove a hosted zone with its records",
    params,
    reply: zoneChanged,
  }),
} as const;
