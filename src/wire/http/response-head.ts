import { trimBlanks } from "./blanks.ts";

/** How a body's end is told (RFC 9112 6.3). */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case, in the order they came. */
  readonly fields: readonly (readonly [string, string])[];
  readonly framing: Framing;
  /** False when the connection ends with this response. */
  readonly keeps: boolean;
}

export type HeadFault =
  | "status-line"
  | "field"
  | "too-many-fields"
  | "two-framings"
  | "content-length"
  | "transfer-coding";

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const NAME = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[\t ]*:/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What is made of a head takes time by the square of its fields. */
export const FIELDS_MAX = 256;

/**
 * Reads the head of a response: its status line and fields, each ended by CRLF. Strict, because what
 * one reader takes for a body another takes for a response: two framings, lengths that differ or are
 * no number, other codings than chunked, folded lines and control bytes are faults (RFC 9112 5 and 6.3).
 *
 * @param text the head as one code unit per byte, without the empty line at its end
 * @param fieldsMax how many fields it may have
 * @example parseResponseHead("HTTP/1.1 204 No Content\r\nAge: 1") // { status: 204, ... }
 */
export function parseResponseHead(
  text: string,
  fieldsMax: number = FIELDS_MAX,
): ResponseHead | { readonly fault: HeadFault } {
  const lines = text.split("\r\n");
  if (lines.length - 1 > fieldsMax) return { fault: "too-many-fields" };
  const line = STATUS_LINE.exec(lines[0]!);
  if (line === null) return { fault: "status-line" };
  const fields: (readonly [string, string])[] = [];
  let length: string | null = null;
  let coding: string | null = null;
  let connection = "";
  for (let i = 1; i < lines.length; i++) {
    const start = NAME.exec(lines[i]!);
    const value = start === null ? "" : trimBlanks(lines[i]!, start[0].length);
    if (start === null || !VALUE.test(value)) return { fault: "field" };
    const name = start[1]!.toLowerCase();
    fields.push([name, value]);
    if (name === "content-length") {
      if (length !== null) return { fault: "two-framings" };
      length = value;
    } else if (name === "transfer-encoding") {
      if (coding !== null) return { fault: "two-framings" };
      coding = value;
    } else if (name === "connection") connection += `,${value}`;
  }
  if (length !== null && coding !== null) return { fault: "two-framings" };
  if (length !== null && !/^\d{1,15}$/.test(length)) return { fault: "content-length" };
  const old = line[1] === "0";
  if (coding !== null && (old || coding.toLowerCase() !== "chunked")) {
    return { fault: "transfer-coding" };
  }
  const framing: Framing =
    length !== null
      ? { kind: "length", bytes: Number(length) }
      : { kind: coding === null ? "close" : "chunked" };
  return { status: Number(line[2]), fields, framing, keeps: !old && !/close/i.test(connection) };
}
