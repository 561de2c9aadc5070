import { parseList } from "structured-headers";

/**
 * A List of Strings of RFC 9651, such as Cache-Groups; parameters say nothing here. Null when it is not
 * one: then the field counts as absent.
 *
 * @example parseStrings('"a", "b";x') // ["a", "b"]
 */
export function parseStrings(text: string): readonly string[] | null {
  try {
    const values = parseList(text).map(([value]) => value);
    return values.every((value) => typeof value === "string") ? values : null;
  } catch {
    return null;
  }
}
