import { type DataWord, MASTER_FILE_ENDS, readWord } from "../dns/mod.ts";

/** A word with the place where it begins, both counted from 1. */
export interface PlacedWord extends DataWord {
  readonly line: number;
  readonly column: number;
}

/** One directive or record: a line, or several within parentheses. */
export interface Entry {
  readonly words: readonly PlacedWord[];
  /** The line begins with a blank: the owner is that of the record before. */
  readonly indented: boolean;
}

export interface EntryProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * Splits a master file into entries. After a problem it goes on with the next line, so that all
 * problems come together.
 */
export function splitEntries(text: string): { entries: Entry[]; problems: EntryProblem[] } {
  const entries: Entry[] = [];
  const problems: EntryProblem[] = [];
  let words: PlacedWord[] = [];
  let indented = false;
  let open: { readonly line: number; readonly column: number } | null = null;
  let at = 0;
  let line = 1;
  let lineAt = 0;
  let atStart = true;
  const close = () => {
    if (words.length > 0) entries.push({ words, indented });
    words = [];
    atStart = true;
  };
  while (at < text.length) {
    const one = text[at]!;
    const column = at - lineAt + 1;
    if (atStart && open === null) indented = one === " " || one === "\t";
    atStart = false;
    if (one === "\n") {
      at += 1;
      line += 1;
      lineAt = at;
      if (open === null) close();
    } else if (/\s/.test(one)) at += 1;
    else if (one === ";") while (at < text.length && text[at] !== "\n") at++;
    else if (one === "(" || one === ")") {
      if ((one === "(") === (open !== null)) {
        const message = one === "(" ? "expected no ( within another" : "expected a ( before";
        problems.push({ line, column, message });
      }
      open = one === "(" ? { line, column } : null;
      at += 1;
    } else {
      const word = readWord(text, at, MASTER_FILE_ENDS);
      if (word === null) {
        problems.push({ line, column, message: "expected a closing quote on this line" });
        while (at < text.length && text[at] !== "\n") at++;
        words = [];
        open = null;
        continue;
      }
      words.push({ text: word.text, quoted: word.quoted, line, column });
      // An escaped line end belongs to its word, and is counted all the same.
      for (; at < word.end; at++) {
        if (text[at] !== "\n") continue;
        line += 1;
        lineAt = at + 1;
      }
    }
  }
  if (open !== null) problems.push({ ...open, message: "expected a closing )" });
  close();
  return { entries, problems };
}
