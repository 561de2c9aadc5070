/**
 * The fields that Vary names: lower case, sorted, each once; `*` when it never matches
 * (RFC 9110 12.5.5). Null or empty is no field.
 *
 * @example parseVary("Accept-Encoding, accept-language") // ["accept-encoding", "accept-language"]
 */
export function parseVary(text: string | null): readonly string[] | "*" {
  if (text === null) return [];
  const names = text.split(",").map((name) => name.trim().toLowerCase());
  if (names.includes("*")) return "*";
  return [...new Set(names.filter((name) => name !== ""))].sort();
}
