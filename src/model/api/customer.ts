import { z } from "zod";
import { hostname, slug } from "../names.ts";
import {
  forcedState,
  forcedUntil,
  isFound,
  NOT_FOUND_WORDS,
  origin,
  originFields,
} from "../origin.ts";
import { plan } from "../plan.ts";
import { site } from "../site.ts";
import { zone } from "../zone.ts";
import { claimView } from "./claim.ts";
import { memberRole } from "./session.ts";

export const customerParams = z.object({ customer: slug });
export const siteParams = z.object({ customer: slug, hostname });
export const originParams = z.object({ customer: slug, hostname, name: slug });

export const customerRow = z
  .object({
    name: z.string(),
    title: z.string(),
    plan: z.string(),
    sites: z.int(),
    origins: z.int(),
  })
  .meta({ id: "CustomerRow" });
export type CustomerRow = z.infer<typeof customerRow>;

export const customerView = z
  .object({
    name: z.string(),
    title: z.string(),
    plan,
    members: z.array(z.object({ email: z.string(), role: memberRole })),
    sites: z.array(z.string()).meta({ description: "Host names" }),
    zones: z.array(zone),
  })
  .meta({ id: "CustomerView" });
export type CustomerView = z.infer<typeof customerView>;

/** A certificate of `fetch.ca`: who vouches for a site's web servers. */
export const authorityRow = z
  .object({
    subject: z.string().meta({ description: "Common name and organisation" }),
    fingerprint: z.string().meta({ description: "SHA-256, 64 hex digits" }),
    state: z.enum(["valid", "ended", "not-yet"]),
    notBefore: z.string(),
    notAfter: z.string(),
  })
  .meta({ id: "AuthorityRow" });
export type AuthorityRow = z.infer<typeof authorityRow>;

/** A site as asked for, with the names it is reached by. */
export const siteView = z
  .object({
    customer: z.string(),
    site,
    names: z.object({
      cname: z.string().meta({ description: "Point the host name here by CNAME" }),
      nameServers: z.array(z.string()).meta({ description: "Or delegate it here by NS" }),
      cacheHost: z.string().meta({ description: "`<hostname>.<zone>`: static objects" }),
      cachePath: z.string().meta({ description: "`c.<zone>/<hostname>`: static objects" }),
    }),
    ports: z.object({ http: z.int(), https: z.int() }).meta({
      description: "Where caches listen: standard ports unless it is a lab",
    }),
    up: z.int().meta({ description: "Origins that are up now" }),
    etag: z.string().meta({
      description: "Of `site` as it is: as If-Match it keeps a change from undoing another",
    }),
    authorities: z.array(authorityRow).optional().meta({
      description: "What `fetch.ca` holds; left out where it is not set: the public ones count",
    }),
  })
  .meta({ id: "SiteView" });
export type SiteView = z.infer<typeof siteView>;

/** Settings that are left out take their defaults; `origins`, `rules` and `records` stay. */
export const sitePut = site
  .omit({ hostname: true, origins: true })
  .extend({ origins: z.array(origin).max(100).optional() });

export const originPut = originFields.omit({ name: true }).refine(isFound, NOT_FOUND_WORDS);

export const originPatch = z
  .strictObject({
    weight: originFields.shape.weight.unwrap().optional(),
    state: forcedState.optional(),
    until: forcedUntil.optional().meta({ description: "When `state` ends; else it stays" }),
  })
  .refine((o) => o.weight !== undefined || o.state !== undefined, {
    message: "expected weight, state or both",
  })
  .refine((o) => o.until === undefined || (o.state !== undefined && o.state !== "auto"), {
    message: "expected a state to end: up, down or drain",
    path: ["until"],
  });

/** What every change to a site answers: it is published at once. */
export const changed = z
  .object({
    changes: z.array(z.string()),
    version: z.int(),
    snapshot: z.int().nullable().meta({ description: "Null when nothing changed" }),
    pending: claimView.optional().meta({
      description: "Nothing was changed: it waits for a proof that its names are the customer's",
    }),
  })
  .meta({ id: "Changed" });
export type Changed = z.infer<typeof changed>;
