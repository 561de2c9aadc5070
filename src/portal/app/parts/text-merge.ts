/** A field that others changed while a form was open. */
export interface Meanwhile<F extends string> {
  readonly field: F;
  readonly was: string;
  readonly is: string;
  /** What was typed over it, where that is neither. */
  readonly yours: string | null;
}

type Texts<F extends string> = Readonly<Record<F, string>>;

/**
 * A form's texts upon what others made of them: what was typed stays, what was left as it was becomes theirs.
 *
 * @example mergeTexts({ was: { a: "1", b: "1" }, yours: { a: "2", b: "1" }, is: { a: "3", b: "4" } })
 * // texts { a: "2", b: "4" }
 */
export function mergeTexts<F extends string>(o: {
  /** When the form was opened. */
  readonly was: Texts<F>;
  readonly yours: Texts<F>;
  readonly is: Texts<F>;
}): { readonly texts: Texts<F>; readonly changed: readonly Meanwhile<F>[] } {
  const { was, yours, is } = o;
  const texts: Record<F, string> = { ...is };
  const changed: Meanwhile<F>[] = [];
  for (const field of Object.keys(is) as F[]) {
    const own = yours[field] !== was[field];
    if (own) texts[field] = yours[field];
    if (is[field] === was[field]) continue;
    const over = own && yours[field] !== is[field] ? yours[field] : null;
    changed.push({ field, was: was[field], is: is[field], yours: over });
  }
  return { texts, changed };
}
