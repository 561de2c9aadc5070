import { z } from "zod";
import type { TsigAlgorithm } from "../wire/dns/mod.ts";
import { slug } from "./names.ts";

/** What a TSIG key is for: to fetch whole zones, or to set `_acme-challenge` TXT records. */
export const tsigUse = z.enum(["transfer", "acme"]);
export type TsigUse = z.infer<typeof tsigUse>;

/** Travels only from control to name servers: never in a snapshot or a log. */
export interface TsigSecret {
  /** As DNS has it: `<key>.<customer>`. */
  readonly name: string;
  readonly customer: string;
  readonly use: TsigUse;
  readonly algorithm: TsigAlgorithm;
  /** In base64. */
  readonly secret: string;
}

/** A TXT value for a certificate authority to see: set by a DNS update, or by an order of our own. */
export interface Challenge {
  /** Whose the zone is that answers it; OF_NETWORK for the network's own. */
  readonly customer: string;
  /** Absolute, lower case, without the final dot; its first label is `_acme-challenge`. */
  readonly name: string;
  readonly value: string;
  readonly expiresMs: number;
}

/** One step of an update: a value to be set or removed; null removes all of the name. */
export interface ChallengeStep {
  readonly action: "add" | "remove";
  readonly name: string;
  readonly value: string | null;
}

/** What name servers have besides snapshots and keys that sign. */
export interface ServerExtras {
  readonly tsig: readonly TsigSecret[];
  readonly challenges: readonly Challenge[];
  /** Values of CAA at the network's own zone; left out where control has not looked yet. */
  readonly caa?: readonly string[];
}

/** All of it; the digest changes when anything of it does. */
export interface ServerExtrasSet extends ServerExtras {
  readonly digest: string;
}

export interface ExtrasFeed {
  extras(): ServerExtras;
  onExtras(listener: () => void): () => void;
}

const address = z.string().transform((text, ctx): string => {
  const bare = z.union([z.ipv4(), z.ipv6()]).safeParse(text).success;
  const full = bare ? (text.includes(":") ? `[${text}]:53` : `${text}:53`) : text;
  const at = full.lastIndexOf(":");
  const host = full.slice(0, at).replace(/^\[|\]$/g, "");
  const port = Number(full.slice(at + 1));
  const right = z.union([z.ipv4(), z.ipv6()]).safeParse(host).success && port > 0 && port < 65_536;
  if (right && /:\d{1,5}$/.test(full)) return full;
  ctx.addIssue({
    code: "custom",
    message: "expected an address, such as 192.0.2.53 or 192.0.2.53:53",
  });
  return z.NEVER;
});

/** Who may fetch a zone whole, and is told when it changes. */
export const zoneTransfer = z.strictObject({
  key: slug.meta({ description: "A TSIG key of the customer's, for transfer" }),
  to: z.array(address).min(1).max(16).meta({
    description: "Addresses of secondaries, with a port where it is not 53",
  }),
});
export type ZoneTransfer = z.infer<typeof zoneTransfer>;

/** The key's name in DNS. */
export function tsigName(key: string, customer: string): string {
  return `${key}.${customer}`;
}
