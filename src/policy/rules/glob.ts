/** Says of a text whether it matches; the time it takes grows with the text's length alone. */
export type Matcher = (text: string) => boolean;

/**
 * A pattern in which `*` stands for any characters, none too, and everything else for itself. The
 * pieces between stars are looked for from left to right, each where it comes first: nothing is ever
 * tried twice, so no pattern makes a long path slow (threats H22).
 *
 * @param pattern as a text, or as the pieces between its stars, in which a star is only itself
 * @example compileGlob("/img/*.png")("/img/a/b.png") // true
 */
export function compileGlob(pattern: string | readonly string[]): Matcher {
  const pieces = typeof pattern === "string" ? pattern.split("*") : pattern;
  if (pieces.length === 1) return (text) => text === pieces[0];
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  const between = pieces.slice(1, -1).filter((piece) => piece !== "");
  return (text) => {
    const end = text.length - last.length;
    if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const piece of between) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= end;
  };
}
