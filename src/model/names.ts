import { z } from "zod";

/**
 * Host and zone names as people write them: lower-cased, without the final dot (RFC 1123 2.1,
 * RFC 1035 2.3.4: labels of 1 to 63 octets, 253 in all). Internationalised names come as A-labels.
 */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

export function isHostname(text: string): boolean {
  return text.length > 0 && text.length <= 253 && text.split(".").every((l) => LABEL.test(l));
}

export const hostname = z
  .string()
  .transform((text) => text.toLowerCase().replace(/\.$/, ""))
  .refine((text) => isHostname(text) && text.includes("."), {
    message: "expected a host name with at least two labels, such as www.shop.example",
  })
  .meta({ description: "A host name, lower case, without the final dot" });

/** Names that people give to customers, pops, nodes, origins, plans and client groups. */
export const slug = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, {
    message: "expected 1 to 40 lower-case letters, digits and inner hyphens",
  })
  .meta({ description: "A short name: lower-case letters, digits and inner hyphens" });

export const ipv4 = z.ipv4({ message: "expected an IPv4 address, such as 192.0.2.10" });
export const ipv6 = z.ipv6({ message: "expected an IPv6 address, such as 2001:db8::10" });
export const port = z
  .int({ message: "expected a port from 1 to 65535" })
  .min(1, { message: "expected a port from 1 to 65535" })
  .max(65535, { message: "expected a port from 1 to 65535" });

/** A prefix in CIDR form, either family. */
export const prefix = z
  .string()
  .refine((text) => z.cidrv4().safeParse(text).success || z.cidrv6().safeParse(text).success, {
    message: "expected a prefix in CIDR form, such as 198.51.100.0/24",
  })
  .meta({ examples: ["198.51.100.0/24"] });

/** The number of an autonomous system (RFC 6793: 32 bits). */
export const asNumber = z
  .int({ message: "expected the number of an autonomous system, such as 64500" })
  .min(1, { message: "expected the number of an autonomous system, such as 64500" })
  .max(4_294_967_295, { message: "expected the number of an autonomous system, such as 64500" })
  .meta({ examples: [64500] });

export const httpUrl = z.url({
  protocol: /^https?$/,
  message: "expected an http or https URL, such as http://192.0.2.10:9100/metrics",
});

/** `host:port`; an IPv6 host stands in brackets. */
export const hostPort = z.string().regex(/^(\[[0-9a-f:]+\]|[a-z0-9.-]+):\d{1,5}$/i, {
  message: "expected host:port, such as 192.0.2.10:21",
});

/** Whether a zone's answers are signed. */
export const dnssec = z.union([z.boolean(), z.literal("ed25519")]).meta({
  description:
    "Sign the zone's answers, by ECDSA P-256 or Ed25519; then give the parent what `zone ds` prints",
});

/** Set by the control plane when it has seen the proof, or by the operator's network file. */
export const proven = z.boolean().meta({
  description:
    "The customer has shown that the name is theirs: it may overlap another customer's. Only the operator sets it",
});
