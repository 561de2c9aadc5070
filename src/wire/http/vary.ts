/** Beyond it nobody would find the answer again in time: each lookup asks for each of them. */
const NAMES_MAX = 64;

/**
 * The fields that Vary names: lower case, sorted, each once; `*` when it never matches
 * (RFC 9110 12.5.5), or names more than 64. Null or empty is no field.
 *
 * @example parseVary("Accept-Encoding, accept-language") // ["accept-encoding", "accept-language"]
 */
export function parseVary(text: string | null): readonly string[] | "*" {
  if (text === null) return [];
  const names = text.split(",").map((name) => name.trim().toLowerCase());
  if (names.includes("*")) return "*";
  const each = [...new Set(names.filter((name) => name !== ""))];
  return each.length > NAMES_MAX ? "*" : each.sort();
}
