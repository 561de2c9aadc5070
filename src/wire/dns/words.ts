/** A word of a record's data; `quoted` words stand between quotes, which are taken off. */
export interface DataWord {
  readonly text: string;
  readonly quoted: boolean;
}

/**
 * Splits one line of data into words; null when a quote does not end. A quote right after `=`
 * belongs to its word (`alpn="h2,h3"`), elsewhere it begins a word of its own.
 */
export function wordsOf(text: string): DataWord[] | null {
  const words: DataWord[] = [];
  for (let at = 0; ; ) {
    while (/\s/.test(text[at] ?? "")) at++;
    if (at >= text.length) return words;
    const next = readWord(text, at);
    if (next === null) return null;
    words.push({ text: next.text, quoted: next.quoted });
    at = next.end;
  }
}

/** The word at `at`, where no blank stands; null when its quote does not end on this line. */
export function readWord(
  text: string,
  start: number,
  ends: RegExp = /[\s"]/,
): (DataWord & { readonly end: number }) | null {
  const quoted = text[start] === '"';
  let at = quoted ? start : skipTo(text, start, ends);
  let word = quoted ? "" : text.slice(start, at);
  if (text[at] === '"' && (quoted || word.endsWith("="))) {
    const end = skipTo(text, at + 1, /["\n]/);
    if (text[end] !== '"') return null;
    word += text.slice(at + 1, end);
    at = end + 1;
  }
  return { text: word, quoted, end: at };
}

/** Where one of these stands unescaped, or the end. */
function skipTo(text: string, start: number, ends: RegExp): number {
  let at = start;
  while (at < text.length && !ends.test(text[at]!)) at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

/** What ends a word of a master file: blanks, quotes, comments and parentheses. */
export const MASTER_FILE_ENDS = /[\s";()]/;
