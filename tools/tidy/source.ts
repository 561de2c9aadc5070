import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One file as the checks see it. All three texts have the same length and the same lines. */
export interface Source {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Comments blanked; strings kept: for imports. */
  readonly code: string;
  /** Comments and the insides of strings and regular expressions blanked: for words and braces. */
  readonly bare: string;
}

export interface Violation {
  readonly path: string;
  /** 1-based; 0 stands for the whole file or tree. */
  readonly line: number;
  readonly words: string;
}

export function source(path: string, text: string): Source {
  return { path, text, ...blank(text) };
}

const FOLDERS = ["src", "test", "tools", "bench"];
const SKIPPED = new Set(["node_modules", "dist", "results", "data", "testdata"]);

/** Every TypeScript file of the project under `root`, in a fixed order. */
export function readTree(root: string): Source[] {
  const found: Source[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) walk(path);
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
      found.push(source(path, readFileSync(join(root, path), "utf8")));
    }
  };
  const present = readdirSync(root);
  for (const folder of FOLDERS) if (present.includes(folder)) walk(folder);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function isTest(path: string): boolean {
  return /\.(test|contract|fixture)\.tsx?$/.test(path);
}

/** 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

/** Words after which a slash begins a regular expression rather than a division. */
const BEFORE_REGEX = /(?:^|[=(,:;!&|?{}[+\-*%~^<>]|\b(?:return|typeof|case|in|of|delete|void))$/;

interface Cut {
  readonly from: number;
  readonly to: number;
  readonly comment: boolean;
}

/** Blanks what is not code, character for character, so that offsets and lines stay right. */
export function blank(text: string): { code: string; bare: string } {
  const cuts = findCuts(text);
  return {
    code: paint(
      text,
      cuts.filter((cut) => cut.comment),
    ),
    bare: paint(text, cuts),
  };
}

function paint(text: string, cuts: readonly Cut[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const cut of cuts) {
    parts.push(text.slice(at, cut.from), text.slice(cut.from, cut.to).replace(/[^\n]/g, " "));
    at = cut.to;
  }
  parts.push(text.slice(at));
  return parts.join("");
}

function findCuts(text: string): Cut[] {
  const cuts: Cut[] = [];
  /** Depth of braces at each open template hole. */
  const holes: number[] = [];
  let depth = 0;
  let i = 0;
  while (i < text.length) {
    const two = text.slice(i, i + 2);
    const one = two[0]!;
    if (two === "//" || two === "/*") {
      const end = two === "//" ? text.indexOf("\n", i) : text.indexOf("*/", i + 2) + 2;
      const to = end <= 1 ? text.length : end;
      cuts.push({ from: i, to, comment: true });
      i = to;
    } else if (one === '"' || one === "'") {
      i = cutQuoted(text, i, one, cuts);
    } else if (one === "/" && BEFORE_REGEX.test(text.slice(Math.max(0, i - 12), i).trimEnd())) {
      i = cutQuoted(text, i, "/", cuts);
    } else if (one === "`" || (one === "}" && holes.at(-1) === depth)) {
      if (one === "}") holes.pop();
      const to = templateEnd(text, i + 1);
      cuts.push({ from: i + 1, to, comment: false });
      if (text.startsWith("${", to)) holes.push(depth);
      i = text.startsWith("${", to) ? to + 2 : to + 1;
    } else {
      if (one === "{") depth++;
      if (one === "}") depth--;
      i++;
    }
  }
  return cuts;
}

/** Cuts a string or regular expression of one line; a lone quote (as in JSX text) is no string. */
function cutQuoted(text: string, from: number, quote: string, cuts: Cut[]): number {
  let inClass = false;
  for (let i = from + 1; i < text.length && text[i] !== "\n"; i++) {
    const one = text[i];
    if (one === "\\") i++;
    else if (quote === "/" && one === "[") inClass = true;
    else if (quote === "/" && one === "]") inClass = false;
    else if (one === quote && !inClass) {
      cuts.push({ from: from + 1, to: i, comment: false });
      return i + 1;
    }
  }
  return from + 1;
}

/** Where a template's text ends: at its back-tick or at the next hole. */
function templateEnd(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "`" || text.startsWith("${", i)) return i;
  }
  return text.length;
}
