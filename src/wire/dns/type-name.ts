import { TYPE } from "./codes.ts";

const BY_NAME: ReadonlyMap<string, number> = new Map(Object.entries(TYPE));
const BY_NUMBER: ReadonlyMap<number, string> = new Map(
  Object.entries(TYPE).map(([name, number]) => [number, name]),
);

/**
 * A type by its mnemonic or as `TYPE123` (RFC 3597 5), whatever the case; null if it is neither.
 *
 * @example typeNumber("mx")
 */
export function typeNumber(text: string): number | null {
  const known = BY_NAME.get(text.toUpperCase());
  if (known !== undefined) return known;
  const digits = /^TYPE(\d{1,5})$/i.exec(text)?.[1];
  return digits === undefined || Number(digits) > 65_535 ? null : Number(digits);
}

/** The mnemonic, or `TYPE123` where we know none. */
export function typeName(type: number): string {
  return BY_NUMBER.get(type) ?? `TYPE${type}`;
}
