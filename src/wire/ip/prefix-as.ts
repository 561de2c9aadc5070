import { type Prefix, parsePrefix } from "./prefix.ts";

/** Who announces a block of addresses. */
export interface PrefixAs {
  readonly prefix: Prefix;
  readonly as: number;
}

const AS_MAX = 4_294_967_295;

/**
 * Reads one line of a table of prefixes and autonomous systems, as pyasn (`192.0.2.0/24 64500`) and
 * CAIDA's pfx2as (`192.0.2.0 24 64500`) write them, columns apart by blanks or commas. Of several
 * systems (`64500_64501`, `{64500,64501}`) the first counts. Null for an empty line and a comment
 * (`#`, `;`); a text says what is wrong.
 *
 * @example parsePrefixAs("192.0.2.0\t24\t64500")
 */
export function parsePrefixAs(line: string): PrefixAs | string | null {
  const text = line.trim();
  if (text === "" || text.startsWith("#") || text.startsWith(";")) return null;
  const columns = text.split(/[\s,]+/);
  const whole = columns[0]!.includes("/");
  const prefix = parsePrefix(whole ? columns[0]! : `${columns[0]}/${columns[1] ?? ""}`);
  if (prefix === null) return "expected a prefix, such as 192.0.2.0/24 or 192.0.2.0 24";
  const system = columns[whole ? 1 : 2] ?? "";
  const digits = /^\{?(?:AS)?([1-9]\d{0,9})(?:[_{},].*)?$/i.exec(system)?.[1];
  const as = Number(digits);
  if (digits === undefined || as > AS_MAX) {
    return "expected the number of an autonomous system after the prefix, such as 64500";
  }
  return { prefix, as };
}
