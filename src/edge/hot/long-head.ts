import { join, passBody } from "./body.ts";
import { LENGTH, LONG_HEAD } from "./crew.ts";
import { framed } from "./hand-over.ts";
import { getter } from "./meta.ts";
import type { OriginRequest, OriginResponse } from "./origin.ts";

/**
 * What a worker asks its keeper is longer than what it was asked: it names the address once more, and who
 * asks. So what the worker's listener takes may be too long for the keeper's, which is of the same runtime
 * (16 KB, 200 fields). Such a head goes in front of the body:
 *
 *   u32 length of the JSON, little-endian | JSON: Head | the body
 *
 * The answer to a HEAD that came so has an empty body, for it was no HEAD on its way; the length that GET
 * would have is in a field of its own.
 */
interface Head extends Pick<OriginRequest, "method" | "path" | "fields"> {
  readonly hasBody: boolean;
  /** Null where it is not known. */
  readonly bodyBytes: number | null;
}

type Written = Pick<OriginRequest, "method" | "path" | "fields" | "body" | "bodyBytes">;

const HEAD_LENGTH_MAX = 12_000;
const FIELDS_MAX = 150;

/** As it can be sent to the keeper. */
export function fitted(written: Written): Written {
  const { method, path, fields, body } = written;
  if (!isLong(written)) return written;
  const bodyBytes = body instanceof Uint8Array ? body.byteLength : written.bodyBytes;
  const hasBody = body !== null && bodyBytes !== 0;
  const head: Head = { method, path, fields, hasBody, bodyBytes };
  const first = framed(head, body instanceof Uint8Array ? body : new Uint8Array(0));
  const whole = { method: "POST", path: "/", fields: [hostOf(fields), [LONG_HEAD, "1"]] } as const;
  if (!(body instanceof ReadableStream)) return { ...whole, body: first, bodyBytes: null };
  const all = bodyBytes === null ? null : first.byteLength + bodyBytes;
  return { ...whole, body: led([first], body.getReader()), bodyBytes: all };
}

/** At the keeper: the request as it was. Null where it ends before its head does: its worker is gone. */
export async function unfolded(request: Request): Promise<Request | null> {
  const reader = request.body?.getReader();
  if (reader === undefined) return null;
  let came: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  for (let end = 4; came.byteLength < end; ) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done || value === undefined) return null;
    came = join([came, value], came.byteLength + value.byteLength);
    if (came.byteLength >= 4) end = 4 + lengthOf(came);
  }
  const end = 4 + lengthOf(came);
  const head = JSON.parse(new TextDecoder().decode(came.subarray(4, end))) as Head;
  const { method, path, fields, hasBody, bodyBytes } = head;
  const headers = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
  if (hasBody && bodyBytes !== null) headers.set("content-length", String(bodyBytes));
  const body = hasBody
    ? { body: led(end < came.byteLength ? [came.subarray(end)] : [], reader) }
    : {};
  const url = `${request.url.slice(0, request.url.indexOf("/", "http://".length))}${path}`;
  return new Request(url, { method, headers, signal: request.signal, ...body });
}

/** At the keeper: its answer to a HEAD whose head was in front of the body. */
export function foldedAnswer({ status, headers }: Response): Response {
  const length = headers.get("content-length");
  headers.delete("content-length");
  if (length === null) headers.delete(LENGTH);
  else headers.set(LENGTH, length);
  return new Response(null, { status, headers });
}

/** At the worker: that answer as one to HEAD. */
export function unfoldedAnswer(answer: OriginResponse): OriginResponse {
  const length = getter(answer.fields)(LENGTH);
  const fields = answer.fields.filter(([name]) => name !== "content-length" && name !== LENGTH);
  if (length !== null) fields.push(["content-length", length]);
  return { ...answer, fields, contentLength: length === null ? null : Number(length) };
}

function led(first: readonly Uint8Array[], rest: ReadableStreamDefaultReader<Uint8Array>) {
  return passBody(rest, { first, countOut: () => {} });
}

function isLong({ path, fields }: Written): boolean {
  if (fields.length > FIELDS_MAX) return true;
  const length = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return length + path.length > HEAD_LENGTH_MAX;
}

function hostOf(fields: Written["fields"]): readonly [string, string] {
  return fields.find(([name]) => name === "host") ?? ["host", "keeper"];
}

function lengthOf({ buffer, byteOffset }: Uint8Array): number {
  return new DataView(buffer, byteOffset).getUint32(0, true);
}
