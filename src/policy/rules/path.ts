/**
 * The path as rules see it: what a web server may take it for. Percent-escapes are decoded, once;
 * backslashes are slashes, several slashes are one, dot segments are resolved and what follows a
 * semicolon in a segment is left out. So whoever writes `/%70rivate` or `/x%2f..%2fprivate` does not
 * get past a rule for `/private/*` (threats H10).
 *
 * @param path path and query
 * @example rulePath("/a%2f..//b;v=1/c?x=1") // "/b/c"
 */
export function rulePath(path: string): string {
  const bare = withoutQuery(path);
  return UNUSUAL.test(bare) ? resolved(asOneReading(marked(bare), USUAL), USUAL) : bare;
}

/**
 * What different web servers take one path for, `rulePath` first. Who must be kept out is kept out by
 * each of them: one server drops `;...` before it decodes `%2f` and the next after it or never, one
 * takes a backslash for a slash, one stops at `%00`, `%23` or `%3f`. Null: so long and so strange that
 * nobody is to weigh it all (H22).
 *
 * @example rulePaths("/paid/a.mp4;%2f..%2f..%2fopen") // "/open", "/paid/a.mp4" and others
 */
export function rulePaths(path: string): readonly string[] | null {
  const bare = withoutQuery(path);
  if (!UNUSUAL.test(bare)) return [bare];
  const text = marked(bare);
  const readings = readingsOf(text);
  if (readings.length > 1 && readings.length * text.length > WEIGHED_MAX) return null;
  return [...new Set(readings.map((one) => resolved(asOneReading(text, one), one)))];
}

/**
 * The query as rules see it: what a web server may take it for. Escapes are decoded, once, but those of
 * what parts parameters; a plus sign is a space, and spaces before a name are left out, as PHP does. So
 * whoever writes `?%70df` does not get past a rule for who asks with `pdf` (threats H10).
 *
 * @param query without the question mark
 * @example ruleQuery("%70df=a%26b") // "pdf=a%26b"
 */
export function ruleQuery(query: string): string {
  if (!/[%+]/.test(query)) return query;
  const decoded = query.replaceAll("+", " ").replace(/%(?!26|3d)[0-9a-f]{2}/gi, unescaped);
  return decoded.replace(/(^|&) +/g, "$1");
}

/** A path as its pattern in a rule may spell it: escapes decoded like those of paths. */
export function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
}

/** Readings times characters. */
const WEIGHED_MAX = 65_536;

const UNUSUAL = /%|\\|;|\/\/|\/\.\.?(\/|$)/;

/** How one kind of server reads. */
interface Reading {
  /** When what follows a semicolon is left out, as seen from decoding. */
  readonly parameters: "before" | "after" | "never";
  /** Are an escaped slash and an escaped backslash slashes? */
  readonly slash: boolean;
  readonly backslash: boolean;
  /** Does it end at an escaped NUL, number sign or question mark? */
  readonly ends: boolean;
  /** Are several slashes one before dot segments are resolved? */
  readonly merges: boolean;
}

const USUAL: Reading = {
  ...{ parameters: "after", slash: true, backslash: true },
  ...{ ends: false, merges: true },
};

/** What escapes stand for that servers disagree about; no path has these characters. */
const SLASH = "\ue02f";
const BACKSLASH = "\ue05c";
const SEMICOLON = "\ue03b";
const ENDS: Readonly<Record<string, string>> = { "\ue000": "\0", "\ue023": "#", "\ue03f": "?" };
const END = /[\ue000\ue023\ue03f]/;
const MARKED = new Set(["\0", "#", "/", ";", "?", "\\"]);

function withoutQuery(path: string): string {
  const query = path.indexOf("?");
  return query < 0 ? path : path.slice(0, query);
}

function marked(bare: string): string {
  const text = bare.replaceAll("\\", "/");
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return String.fromCharCode(MARKED.has(String.fromCharCode(code)) ? 0xe000 + code : code);
  });
}

/** Every way in which servers differ about this path, the usual one first. */
function readingsOf(text: string): readonly Reading[] {
  const has = (one: string) => text.includes(one);
  const parameters = [";", SEMICOLON].some(has) ? (["after", "before", "never"] as const) : null;
  const strange = parameters !== null || [SLASH, BACKSLASH, "//"].some(has);
  let all: readonly Reading[] = [USUAL];
  const differ = (key: keyof Reading, values: readonly Reading[keyof Reading][] | null) => {
    if (values !== null)
      all = values.flatMap((value) => all.map((one) => ({ ...one, [key]: value })));
  };
  differ("parameters", parameters);
  differ("slash", has(SLASH) ? [true, false] : null);
  differ("backslash", has(BACKSLASH) ? [true, false] : null);
  differ("ends", END.test(text) ? [false, true] : null);
  differ("merges", strange ? [true, false] : null);
  return all;
}

/** The text with nothing escaped in it, as one kind of server has it before it looks at segments. */
function asOneReading(text: string, { parameters, slash, backslash, ends }: Reading): string {
  const end = ends ? text.search(END) : -1;
  const whole = end < 0 ? text : text.slice(0, end);
  const kept = parameters === "before" ? whole.replace(/;[^/]*/g, "") : whole;
  return kept
    .replaceAll(SLASH, slash ? "/" : "%2f")
    .replaceAll(BACKSLASH, backslash ? "/" : "\\")
    .replaceAll(SEMICOLON, ";")
    .replace(/[\ue000\ue023\ue03f]/g, (one) => ENDS[one]!);
}

function resolved(text: string, { parameters, merges }: Reading): string {
  const kept: string[] = [];
  const segments = text.split("/");
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]!;
    const end = parameters === "after" ? segment.indexOf(";") : -1;
    const name = end < 0 ? segment : segment.slice(0, end);
    const last = i === segments.length - 1;
    if (name === "..") kept.pop();
    if (name !== ".." && name !== "." && (name !== "" || !merges)) kept.push(name);
    else if (last) kept.push("");
  }
  if (merges) return `/${kept.join("/")}`;
  return `/${kept.filter((name, i) => name !== "" || i === kept.length - 1).join("/")}`;
}
