import { z } from "zod";
import { hostname } from "./names.ts";

const httpsUrl = z.url({ protocol: /^https$/, message: "expected an https URL" }).max(1000);

/** How a name is shown to be ours (RFC 8555 8): a TXT record, or a page at the name. */
export const challengeKind = z.enum(["dns-01", "http-01"]);
export type ChallengeKind = z.infer<typeof challengeKind>;

/** Certificates that the network obtains and renews by itself. */
export const acme = z
  .strictObject({
    directory: httpsUrl.meta({ description: "The certificate authority's ACME directory" }),
    contact: z.email().optional().meta({ description: "Told by the authority of what goes wrong" }),
    termsAgreed: z
      .literal(true, { message: "expected true: its terms of service are agreed to" })
      .meta({ description: "Its terms of service are agreed to" }),
    challenge: challengeKind.default("dns-01").meta({
      description: "For names of the network's own zone; others by what can be shown of them",
    }),
    ca: z
      .string()
      .max(65_536)
      .regex(/^-----BEGIN CERTIFICATE-----/, { message: "expected a certificate in PEM" })
      .optional()
      .meta({
        description: "PEM: who vouches for the directory itself, where that is a private one",
      }),
    eab: z
      .strictObject({
        kid: z.string().min(1).max(200).meta({ description: "The account's name there" }),
        keyFile: z.string().min(1).max(1000).meta({
          description:
            "A file of the control node's: the key in base64url, as the authority gave it",
        }),
      })
      .optional()
      .meta({ description: "An account that the authority knows already (external binding)" }),
    issuers: z.array(hostname).min(1).max(10).optional().meta({
      description: "The authority's names in CAA records, where its directory does not say them",
    }),
    caa: z.boolean().default(false).meta({
      description: "Name servers answer CAA at the zone: no other authority may issue within it",
    }),
    sites: z.boolean().default(true).meta({
      description: "Also for sites: `<hostname>.<zone>`, aliases, first addresses at caches",
    }),
    limits: z
      .strictObject({
        perHour: z.int().min(1).max(10_000).default(40).meta({ description: "Orders in all" }),
        perWeek: z.int().min(1).max(100_000).default(45).meta({
          description: "New certificates within one registered domain; renewals are not counted",
        }),
      })
      .prefault({})
      .meta({
        description: "What is ordered at most, so that the authority's own limits are not met",
      }),
  })
  .refine(({ caa, issuers }) => !caa || issuers !== undefined, {
    path: ["issuers"],
    message: "expected the authority's names in CAA records, as caa is to be answered",
  });
export type Acme = z.infer<typeof acme>;

/** Where a name's certificate stands. */
export const obtainedState = z.enum(["waiting", "ordering", "obtained", "failed", "own"]);

/** A page that shows an authority that a name is ours (RFC 8555 8.3). Not secret: anybody may ask for it. */
export interface AcmeToken {
  /** The name under order: at no other host is it answered. */
  readonly host: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** All that caches answer; the digest changes when anything of it does. */
export interface AcmeTokenSet {
  readonly digest: string;
  readonly tokens: readonly AcmeToken[];
}
