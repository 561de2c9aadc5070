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
  const query = path.indexOf("?");
  const bare = query < 0 ? path : path.slice(0, query);
  if (!UNUSUAL.test(bare)) return bare;
  const kept: string[] = [];
  const segments = unescaped(bare).replaceAll("\\", "/").split("/");
  for (const [i, segment] of segments.entries()) {
    const end = segment.indexOf(";");
    const name = end < 0 ? segment : segment.slice(0, end);
    const last = i === segments.length - 1;
    if (name === "..") kept.pop();
    if (name !== ".." && name !== "." && name !== "") kept.push(name);
    else if (last) kept.push("");
  }
  return `/${kept.join("/")}`;
}

const UNUSUAL = /%|\\|;|\/\/|\/\.\.?(\/|$)/;

function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
}
