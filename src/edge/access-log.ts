/** What is known of a request once its answer was handed over, or its stream is at its end. */
export interface AccessEntry {
  readonly atMs: number;
  readonly node: string;
  /** Null where no site here was asked for. */
  readonly customer: string | null;
  readonly site: string | null;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Path and query as the client sent them. */
  readonly path: string;
  /** `h3`: https over HTTP/3. */
  readonly protocol: "http" | "https" | "h3";
  readonly status: number;
  /** Of the body; of one that goes as it comes, what had gone when it ended. Null for no site's. */
  readonly bytes: number | null;
  /** From the request until its answer began. */
  readonly ms: number;
  /** The member that this cache wrote, RFC 9211; null for an answer of its own. */
  readonly cacheStatus: string | null;
  readonly agent: string | null;
  readonly referer: string | null;
}

export type AccessFormat = "json" | "combined";

/** Where lines of the access log go, and how many requests make one. */
export interface AccessSink {
  readonly format: AccessFormat;
  readonly each: number;
  readonly add: (line: string) => void;
}

/** What a client writes is kept up to this, and marked where it is cut. */
const CLIENT_TEXT_MAX = 1_024;

/**
 * One line, whatever the client wrote: JSON with everything, or Apache's combined form. Control bytes,
 * line ends, quotes and lone surrogates cannot break out of their place (threats H23).
 */
export function accessLine(entry: AccessEntry, format: AccessFormat): string {
  const at = new Date(entry.atMs).toISOString();
  if (format === "json") {
    const { atMs: _, ...rest } = entry;
    const cut = { host: short(entry.host), path: short(entry.path) };
    const more = { agent: short(entry.agent), referer: short(entry.referer) };
    return visible(JSON.stringify({ at, ...rest, ...cut, ...more }));
  }
  // Without a version readers such as GoAccess drop the path. Over TLS the runtime does not tell 2 from 1.1.
  const version = entry.protocol === "h3" ? "HTTP/3" : "HTTP/1.1";
  const target = quoted(`${entry.method} ${short(entry.path)} ${version}`);
  const head = `${entry.client} - - [${apacheTime(entry.atMs)}] ${target} ${entry.status}`;
  const bytes = entry.bytes ?? "-";
  return `${head} ${bytes} ${quoted(short(entry.referer))} ${quoted(short(entry.agent))}`;
}

function short(text: string): string;
function short(text: string | null): string | null;
function short(text: string | null): string | null {
  if (text === null || text.length <= CLIENT_TEXT_MAX) return text;
  return `${text.slice(0, CLIENT_TEXT_MAX)}...`;
}

/** JSON may hold them as they are; a terminal that shows the file would obey them. */
function visible(json: string): string {
  return json.replace(/[\x7f-\x9f\u2028\u2029]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function quoted(text: string | null): string {
  if (text === null || text === "") return '"-"';
  const safe = text.replace(/[^\x20-\x7e]|["\\]/g, (one) => {
    if (one === '"' || one === "\\") return `\\${one}`;
    const code = one.charCodeAt(0);
    const digits = code < 256 ? 2 : 4;
    return `\\${digits === 2 ? "x" : "u"}${code.toString(16).padStart(digits, "0")}`;
  });
  return `"${safe}"`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function apacheTime(ms: number): string {
  const [date = "", time = ""] = new Date(ms).toISOString().split("T");
  const [year, month, day] = date.split("-");
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
}
