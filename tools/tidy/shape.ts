import { isTest, lineAt, type Source, type Violation } from "./source.ts";

const FILE_LINES_MAX = 400;
/** Step files of a hot path: one long straight file is easier to read than five short ones. */
const HOT_FILE_LINES_MAX = 450;
const FUNCTION_LINES_MAX = 70;
const BASE_FILES_MAX = 12;
const MOD_COMMENT_LINES_MAX = 15;

const BANNED = new Set([
  "utils",
  "util",
  "helpers",
  "helper",
  "common",
  "shared",
  "misc",
  "manager",
  "service-impl",
  "types",
  "index",
]);

export function checkLengths(files: readonly Source[]): Violation[] {
  const wrong: Violation[] = [];
  for (const file of files) {
    const most = /^src\/(dns|edge)\/hot\//.test(file.path) ? HOT_FILE_LINES_MAX : FILE_LINES_MAX;
    const lines = file.text.replace(/\n$/, "").split("\n").length;
    if (lines > most) {
      const words = `A file has at most ${most} lines: received ${lines}`;
      wrong.push({ path: file.path, line: 0, words });
    }
    for (const one of functionsOf(file)) {
      const length = one.lastLine - one.line + 1;
      if (length <= FUNCTION_LINES_MAX || one.isGroup) continue;
      const words = `A function has at most ${FUNCTION_LINES_MAX} lines: received ${length}`;
      wrong.push({ path: file.path, line: one.line, words });
    }
  }
  return wrong;
}

export interface FunctionSpan {
  readonly line: number;
  readonly lastLine: number;
  /** It only groups tests (a `describe`, a contract): it is not read as one piece. */
  readonly isGroup: boolean;
}

/** Words that stand before a parenthesis and a brace without being a method's name. */
const NO_METHOD = new Set(["if", "for", "while", "switch", "catch", "with", "return", "await"]);

/** Functions, methods and arrow functions with a body in braces. */
export function functionsOf(file: Source): FunctionSpan[] {
  const { bare } = file;
  const pairs = matchBraces(bare);
  const spans: FunctionSpan[] = [];
  const add = (start: number, open: number | null) => {
    const close = open === null ? undefined : pairs.get(open);
    if (close === undefined) return;
    const before = bare.slice(Math.max(0, start - 300), start);
    const isGroup =
      /\bdescribe(?:\.\w+)*\((?:[^()]|\([^()]*\))*$/.test(before) ||
      (isTest(file.path) && /(?<![.\w$])test\(/.test(bare.slice(open ?? 0, close)));
    spans.push({ line: lineAt(bare, start), lastLine: lineAt(bare, close), isGroup });
  };
  for (const match of bare.matchAll(/=>\s*\{/g))
    add(match.index, match.index + match[0].length - 1);
  const named =
    /\bfunction\b\s*\*?\s*[\w$]*\s*(?:<[^(]*>)?\(|(?<![.\w$])#?([\w$]+)\s*(?:<[^(){};=]*>)?\(/g;
  for (const match of bare.matchAll(named)) {
    if (match[1] !== undefined && NO_METHOD.has(match[1])) continue;
    const close = pairs.get(match.index + match[0].length - 1);
    if (close !== undefined) add(match.index, bodyAfter(bare, close + 1, pairs));
  }
  return spans;
}

/** Offset of the brace that opens a function's body after its parameters, or null. */
function bodyAfter(bare: string, from: number, pairs: ReadonlyMap<number, number>): number | null {
  let i = skipSpace(bare, from);
  if (bare[i] === "{") return i;
  if (bare[i] !== ":") return null;
  // A return type: a brace opens an object type where a type may begin, else the body.
  let typeMayBegin = true;
  for (i++; i < bare.length; i++) {
    const one = bare[i]!;
    if (/\s/.test(one)) continue;
    if (one === "{" && !typeMayBegin) return i;
    if (/[;=})]/.test(one) && !bare.startsWith("=>", i)) return null;
    if (one === "," || one === "`") return null;
    if (/[{([<]/.test(one)) {
      const close = one === "<" ? closeAngle(bare, i, pairs) : pairs.get(i);
      if (close === undefined) return null;
      i = close;
      typeMayBegin = false;
    } else if (bare.startsWith("=>", i)) {
      typeMayBegin = true;
      i++;
    } else if (/[|&?:]/.test(one)) typeMayBegin = true;
    else {
      const word = /^[\w$.]+/.exec(bare.slice(i, i + 80))?.[0] ?? one;
      typeMayBegin = /^(?:is|extends|keyof|typeof|readonly|asserts|infer|in)$/.test(word);
      i += word.length - 1;
    }
  }
  return null;
}

function closeAngle(
  bare: string,
  from: number,
  pairs: ReadonlyMap<number, number>,
): number | undefined {
  let depth = 0;
  for (let i = from; i < bare.length; i++) {
    if (bare[i] === "<") depth++;
    else if (bare[i] === ">" && bare[i - 1] !== "=") {
      if (--depth === 0) return i;
    } else if (/[{([]/.test(bare[i]!)) i = pairs.get(i) ?? i;
    else if (bare[i] === ";") return undefined;
  }
  return undefined;
}

function skipSpace(text: string, from: number): number {
  let i = from;
  while (i < text.length && /\s/.test(text[i]!)) i++;
  return i;
}

/** Open bracket -> its closing one, for (), [] and {}. */
function matchBraces(bare: string): Map<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  for (let i = 0; i < bare.length; i++) {
    const one = bare[i]!;
    if (one === "{" || one === "(" || one === "[") open.push(i);
    else if (one === "}" || one === ")" || one === "]") {
      const start = open.pop();
      if (start !== undefined) pairs.set(start, i);
    }
  }
  return pairs;
}

export function checkNames(files: readonly Source[]): Violation[] {
  const wrong: Violation[] = [];
  for (const file of files) {
    const parts = file.path.split("/");
    const stem = parts.at(-1)!.replace(/\..*$/, "");
    for (const part of [...parts.slice(1, -1), stem]) {
      if (!BANNED.has(part)) continue;
      const words = `A name says what is in it: received ${part}`;
      wrong.push({ path: file.path, line: 0, words });
    }
    if (!/^_?[a-z0-9]+(?:[-.][a-z0-9]+)*\.tsx?$/.test(parts.at(-1)!))
      wrong.push({ path: file.path, line: 0, words: "File names are kebab-case" });
  }
  return wrong;
}

/** A `mod.ts` is the folder's public face: a comment, then exports, no logic. */
export function checkMods(files: readonly Source[]): Violation[] {
  const wrong: Violation[] = [];
  for (const file of files.filter((one) => /(^|\/)mod\.ts$/.test(one.path))) {
    const say = (line: number, words: string) => wrong.push({ path: file.path, line, words });
    const comment = /^(?:\/\*[\s\S]*?\*\/|(?:\/\/[^\n]*\n)+)/.exec(file.text)?.[0];
    if (comment === undefined) say(1, "A mod.ts opens with a comment on what lives here");
    else if (comment.trimEnd().split("\n").length > MOD_COMMENT_LINES_MAX)
      say(1, `The opening comment has at most ${MOD_COMMENT_LINES_MAX} lines`);
    for (const match of file.bare.matchAll(/(?:\bfunction\b|\bclass\b|=>)\s*[\w{(]/g))
      say(lineAt(file.bare, match.index), "A mod.ts holds exports and no logic");
  }
  return wrong;
}

export function checkDefaults(files: readonly Source[]): Violation[] {
  return files.flatMap((file) =>
    [...file.bare.matchAll(/\bexport\s+default\b|\bas\s+default\b/g)].map((match) => ({
      path: file.path,
      line: lineAt(file.bare, match.index),
      words: "No default exports",
    })),
  );
}

/** Floor 0 stays small: what everybody imports, everybody must know. */
export function checkBase(files: readonly Source[]): Violation[] {
  const base = files.filter((f) => /^src\/base\/[^/]+$/.test(f.path) && !isTest(f.path));
  if (base.length <= BASE_FILES_MAX) return [];
  const words = `src/base has at most ${BASE_FILES_MAX} files: received ${base.length}`;
  return [{ path: "src/base", line: 0, words }];
}
