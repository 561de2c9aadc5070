import type { RuleAccess } from "../../model/rules.ts";
import {
  clientPrefix,
  compilePrefixes,
  familyOf,
  formatPrefix,
  isMapped,
  parseAddress,
} from "../../wire/ip/mod.ts";

export type AccessVerdict = "allowed" | "denied-prefix" | "denied-country" | "not-allowed";

/** An address as bytes, of IPv4 also where it came in IPv6's clothes; null when it is none. */
export function clientAddress(text: string): Uint8Array | null {
  const bytes = parseAddress(text);
  return bytes !== null && isMapped(bytes) ? bytes.slice(12) : bytes;
}

const DENY = 1;
const ALLOW = 2;

/**
 * Who may come in. In order; the first that applies decides:
 *
 *   a prefix of `deny` holds the client      denied-prefix
 *   a country of `denyCountries`             denied-country
 *   a prefix of `allow`                      allowed
 *   a country of `allowCountries`            allowed
 *   one of these two lists is there          not-allowed
 *   else                                     allowed
 *
 * A client whose address or country is not known is in no list.
 */
export function compileAccess(
  access: RuleAccess,
): (client: Uint8Array | null, country: string | null) => AccessVerdict {
  const { allow, deny = [], allowCountries, denyCountries = [] } = access;
  const denied = tableOf(deny, DENY);
  const allowed = tableOf(allow ?? [], ALLOW);
  const within = (table: ReturnType<typeof tableOf>, client: Uint8Array | null) =>
    client !== null && table.find(client, familyOf(client)).value !== 0;
  return (client, country) => {
    if (within(denied, client)) return "denied-prefix";
    if (country !== null && denyCountries.includes(country)) return "denied-country";
    if (allow === undefined && allowCountries === undefined) return "allowed";
    if (within(allowed, client)) return "allowed";
    if (country !== null && allowCountries?.includes(country) === true) return "allowed";
    return "not-allowed";
  };
}

function tableOf(prefixes: readonly string[], value: number) {
  return compilePrefixes(
    prefixes.map((text) => {
      const prefix = clientPrefix(text);
      return { prefix: prefix === null ? text : formatPrefix(prefix), value };
    }),
  );
}
