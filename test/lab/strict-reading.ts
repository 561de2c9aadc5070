/**
 * What requests bytes are, by RFC 9112 to the letter: the oracle for whoever sends bytes that two readers
 * could take for two things. It reads until something is not well formed, and nothing after that; a request
 * is whole or it is none.
 *
 *   an empty line before a request               skipped (2.2)
 *   DEL, and bytes beyond ASCII, in a target     part of it: they end nothing, and are sent on encoded
 *   GET or HEAD with a body                      without it: what it means is nobody's (RFC 9110 9.3.1)
 *   empty members of a list                      left out (RFC 9110 5.6.1.2)
 *   one length said several times                that length (RFC 9110 8.6)
 *   extensions of chunks                         left out (7.1.1)
 *   whatever follows the last chunk's line       the body is whole; nothing is read behind trailers
 */
export interface Read {
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  readonly host: string;
  readonly body: Buffer;
}

const LINE = /^([A-Z]+(?:-[A-Z]+)*) (\/[\x21-\xff]*|https?:\/\/[\x21-\xff]+) HTTP\/1\.([01])$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const CHUNK = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

export function readStrictly(bytes: Buffer): readonly Read[] {
  const requests: Read[] = [];
  let text = bytes.toString("latin1");
  for (;;) {
    text = text.replace(/^\r\n/, "");
    const end = text.indexOf("\r\n\r\n");
    const head = end < 0 ? null : readHead(text.slice(0, end));
    if (head === null) return requests;
    const rest = text.slice(end + 4);
    const body = head.length === "chunked" ? readChunks(rest) : readLength(rest, head.length);
    if (body === null) return requests;
    const { method, target, host } = head;
    const given = method === "GET" || method === "HEAD" ? "" : body.text;
    requests.push({ method, target, host, body: Buffer.from(given, "latin1") });
    if (body.bytes === null) return requests;
    text = rest.slice(body.bytes);
  }
}

function readHead(head: string) {
  const [first = "", ...lines] = head.split("\r\n");
  const line = LINE.exec(first);
  if (line === null) return null;
  const fields: (readonly [string, string])[] = [];
  for (const one of lines) {
    const field = FIELD.exec(one);
    if (field === null) return null;
    fields.push([field[1]!.toLowerCase(), field[2]!]);
  }
  const all = (name: string) => fields.filter(([own]) => own === name).map(([, value]) => value);
  const [host, ...hosts] = all("host");
  if (host === undefined || hosts.length > 0) return null;
  const codings = all("transfer-encoding").flatMap((value) => value.split(/[ \t]*,[ \t]*/));
  const lengths = new Set(all("content-length").flatMap((value) => value.split(/[ \t]*,[ \t]*/)));
  const asked = { method: line[1]!, target: line[2]!, host };
  if (codings.length > 0) {
    const named = codings.filter((coding) => coding !== "");
    const plain = named.length === 1 && named[0]!.toLowerCase() === "chunked";
    const known = plain && lengths.size === 0 && line[3] === "1";
    return known ? { ...asked, length: "chunked" as const } : null;
  }
  const [length = "0"] = lengths;
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) return null;
  return { ...asked, length: Number(length) };
}

function readLength(rest: string, length: number) {
  return rest.length < length ? null : { text: rest.slice(0, length), bytes: length };
}

/** `bytes`: how far it goes, with the empty line; null: what stands there is something else. */
function readChunks(rest: string): { readonly text: string; readonly bytes: number | null } | null {
  let text = "";
  for (let at = 0; ; ) {
    const end = rest.indexOf("\r\n", at);
    const size = end < 0 ? null : CHUNK.exec(rest.slice(at, end));
    if (size == null) return null;
    const bytes = Number.parseInt(size[1]!, 16);
    const from = end + 2;
    if (bytes === 0) return { text, bytes: rest.startsWith("\r\n", from) ? from + 2 : null };
    if (!rest.startsWith("\r\n", from + bytes) || rest.length < from + bytes) return null;
    text += rest.slice(from, from + bytes);
    at = from + bytes + 2;
  }
}
