import type { OriginRequest } from "./hot/origin.ts";

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 5.5: visible characters, spaces, tabs and bytes above ASCII. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^\/[\x21-\x7e]*$/;
const METHOD = /^[A-Z-]{1,20}$/;

/** Methods whose request without a body says so. */
const EXPECTS_BODY = new Set(["POST", "PUT", "PATCH"]);

export interface Way {
  /** How many of the bytes were taken. */
  readonly write: (bytes: Uint8Array) => number;
  /** Resolves when more can be written, or nobody wants it any more. */
  readonly drained: () => Promise<void>;
  /** Called whenever a part of the body is on its way. */
  readonly progress: () => void;
  /** False once the answer is over: the rest of the body is for nobody. */
  readonly wanted: () => boolean;
  /** Calls back then. */
  readonly onOver: (stop: () => void) => void;
}

/** A request, and its head as it is written: see `headOf`. */
export interface Written {
  readonly request: OriginRequest;
  readonly head: Buffer;
}

/**
 * Writes one request: what is given and its framing, nothing else. Null when all of it is on its way;
 * else why its body ended: nothing more must follow on that connection.
 */
export async function writeRequest({ request, head }: Written, way: Way): Promise<string | null> {
  const { body } = request;
  if (body === null) return writeAll(head, way);
  if (body instanceof Uint8Array) return writeAll(Buffer.concat([head, body]), way);
  const over = await writeAll(head, way);
  const reader = body.getReader();
  way.onOver(() => void reader.cancel().catch(() => {}));
  try {
    return over ?? (await writeStream(reader, request, way));
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function writeStream(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  request: OriginRequest,
  way: Way,
): Promise<string | null> {
  const chunked = request.bodyBytes === null;
  let left = request.bodyBytes ?? 0;
  for (;;) {
    const part = await reader.read().catch(() => null);
    if (!way.wanted()) return UNWANTED;
    if (part === null) return "a body that broke off";
    if (part.done) break;
    const { value } = part;
    if (value.byteLength === 0) continue;
    left -= value.byteLength;
    if (!chunked && left < 0) return "a body longer than its Content-Length";
    way.progress();
    const size = Buffer.from(`${value.byteLength.toString(16)}\r\n`);
    const over = await writeAll(chunked ? Buffer.concat([size, value, CRLF]) : value, way);
    if (over !== null) return over;
  }
  if (!chunked) return left === 0 ? null : "a body shorter than its Content-Length";
  return writeAll(Buffer.from("0\r\n\r\n"), way);
}

const UNWANTED = "nobody waits for it";
const CRLF = Buffer.from("\r\n");

async function writeAll(bytes: Uint8Array, way: Way): Promise<string | null> {
  let at = way.write(bytes);
  while (at < bytes.byteLength) {
    if (way.wanted()) await way.drained();
    if (!way.wanted()) return UNWANTED;
    at += way.write(bytes.subarray(at));
  }
  return null;
}

/** Null for what HTTP/1.1 cannot carry: whoever gave it would have written another request. */
export function headOf(
  request: Pick<OriginRequest, "method" | "path" | "fields" | "body" | "bodyBytes">,
): Buffer | null {
  const { method, path, body, fields } = request;
  if (!METHOD.test(method) || !TARGET.test(path)) return null;
  let text = `${method} ${path} HTTP/1.1\r\n`;
  for (const [name, value] of fields) {
    if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) return null;
    text += `${name}: ${value}\r\n`;
  }
  if (body instanceof Uint8Array) text += `content-length: ${body.byteLength}\r\n`;
  else if (body !== null && request.bodyBytes !== null) {
    text += `content-length: ${request.bodyBytes}\r\n`;
  } else if (body !== null) text += "transfer-encoding: chunked\r\n";
  else if (EXPECTS_BODY.has(method)) text += "content-length: 0\r\n";
  return Buffer.from(`${text}\r\n`, "latin1");
}
