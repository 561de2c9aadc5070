/**
 * From `from` on, without spaces and tabs at both ends (RFC 9110 5.6.3); nothing else is taken away. In steps
 * as many as there are blanks: whoever writes a field writes as many of them as fit.
 *
 * @example trimBlanks(" a b\t") // "a b"
 */
export function trimBlanks(text: string, from = 0): string {
  let start = from;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
