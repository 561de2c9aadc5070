import { trimBlanks } from "./blanks.ts";

/**
 * The members of a comma-separated list (RFC 9110 5.6.1), empty ones too, without the blanks around them.
 * A comma in a quoted string (5.6.4) ends none. `open`: what stands behind a quote that nobody closes, which
 * is in the last member as well; null: all are closed. Each character is looked at once, whatever there is.
 *
 * @example splitList('a, b="c, d"').members // ["a", 'b="c, d"']
 */
export function splitList(text: string): {
  readonly members: readonly string[];
  readonly open: string | null;
} {
  const members: string[] = [];
  let start = 0;
  let quote = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quote >= 0 && c === 0x5c) i++;
    else if (c === 0x22) quote = quote < 0 ? i : -1;
    else if (c === 0x2c && quote < 0) {
      members.push(trimBlanks(text.slice(start, i)));
      start = i + 1;
    }
  }
  members.push(trimBlanks(text.slice(start)));
  return { members, open: quote < 0 ? null : text.slice(quote + 1) };
}
