interface Wanted {
  readonly tag: string;
  /** Thousandths, 0 to 1000. */
  readonly weight: number;
}

/** A field with more says nothing that is worth the time: a lookup asks for each variant that is held. */
const LENGTH_MAX = 1_024;
const MEMBER = /^([a-z0-9*-]{1,35})(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

function parse(field: string): readonly Wanted[] | null {
  if (field.length > LENGTH_MAX) return null;
  const wanted: Wanted[] = [];
  for (const member of field.toLowerCase().split(",")) {
    const text = member.trim();
    if (text === "") continue;
    const match = MEMBER.exec(text);
    if (match === null) return null;
    const weight = match[2] === undefined ? 1000 : Math.round(Number(match[2]) * 1000);
    wanted.push({ tag: match[1]!, weight });
  }
  return wanted.sort((a, b) => b.weight - a.weight || (a.tag < b.tag ? -1 : 1));
}

/**
 * Accept-Language in a form in which fields of the same meaning are the same text: tags in lower
 * case, the most wanted first; the order of equals has no meaning (RFC 9110 12.5.4). What cannot be
 * read stays as it is.
 *
 * @example acceptedLanguages("de, EN") // "de,en"
 */
export function acceptedLanguages(field: string): string {
  const wanted = parse(field);
  if (wanted === null) return field;
  return wanted.map(({ tag, weight }) => (weight === 1000 ? tag : `${tag};q=${weight}`)).join(",");
}

/** Is this the one language that the field wants more than every other? */
export function prefersLanguage(field: string, language: string): boolean {
  const [first, second] = parse(field) ?? [];
  if (first === undefined || first.weight === 0) return false;
  if (second !== undefined && second.weight === first.weight) return false;
  return first.tag !== "*" && first.tag === language.trim().toLowerCase();
}
