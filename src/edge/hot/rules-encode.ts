import {
  type Coding,
  encodedTag,
  forbidsTransforming,
  mayCompress,
  negotiate,
  variesByEncoding,
} from "../../policy/rules/mod.ts";
import { readCodings } from "../../wire/http/mod.ts";
import { MemoryObject, type ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { dropDigests } from "./digests.ts";
import { WHOLE_BYTES_MAX } from "./limits.ts";
import { getter } from "./meta.ts";
import type { Ruled } from "./rules-table.ts";

/** The bytes to send in place of the object's own. */
export interface Encoded {
  readonly coding: Coding;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * What a rule's compression makes of this answer: Vary wherever it may be compressed, and bytes where
 * the client takes a coding in which they are held. Where they are not, it gets them as they are, and
 * they will be for the next one. A part is always one of the bytes as they are, with their own tag.
 */
export function encodedFor(
  held: { readonly meta: ObjectMeta },
  ask: Ask,
  headers: Headers,
): Encoded | null {
  if (!mayEncode(held.meta, ask.ruled)) return null;
  const coding = codingOf(ask);
  const object = encodable(held);
  const bytes = coding === null ? undefined : object?.encoded?.get(coding);
  // It is made behind this answer, and nobody waits for it.
  if (coding !== null && object !== null && bytes === undefined) {
    void ask.ruled?.encode(object, coding);
  }
  sayEncoding(headers, held.meta, bytes == null ? null : coding);
  return coding === null || bytes == null ? null : { coding, bytes };
}

/**
 * For who has excluded the bytes as they are (`identity;q=0`, RFC 9110 12.5.3) and gets this object: resolves once
 * it is held in the coding that it takes, or will not be. Null: there is nothing to wait for.
 */
export function codingAwaited(held: { readonly meta: ObjectMeta }, ask: Ask): Promise<void> | null {
  const { ruled } = ask;
  if (ruled === null || (ask.handOver === true && ask.method === "GET")) return null;
  if (readCodings(ask.request.headers.get("accept-encoding")).plain !== 0) return null;
  const coding = mayEncode(held.meta, ruled) ? codingOf(ask) : null;
  const object = encodable(held);
  if (coding === null || object === null || object.encoded?.has(coding) === true) return null;
  return ruled.encode(object, coding);
}

/** Of a part there is none: it is one of the bytes as they are. HEAD is about the whole (RFC 9110 14.2). */
function codingOf({ method, request: { headers } }: Ask): Coding | null {
  return method === "GET" && headers.has("range") ? null : codingFor(headers);
}

function encodable(held: { readonly meta: ObjectMeta }): MemoryObject | null {
  return held instanceof MemoryObject && held.slot >= 0 ? held : null;
}

/**
 * The coding in which this client gets what may be compressed; null: as it is, also where it wants
 * nothing transformed (RFC 9111 5.2.1.6).
 */
export function codingFor(asked: Headers): Coding | null {
  const coding = negotiate(asked.get("accept-encoding"));
  return coding === null || forbidsTransforming(asked.get("cache-control")) ? null : coding;
}

/** May this object be sent compressed? Of a part: the whole that it is of. */
export function mayEncode(meta: ObjectMeta, ruled: Ruled | null): boolean {
  const rule = ruled?.plan.compress?.is;
  if (rule === undefined || rule === false) return false;
  const { part, fields } = meta;
  const whole = part === undefined ? meta : { status: 200, bodyBytes: part.sizeBytes };
  const { status, bodyBytes } = whole;
  return mayCompress(rule, { status, bodyBytes, get: getter(fields) });
}

/**
 * True where an If-Range by date says nothing of which bytes the client has a part of: they may be in a
 * coding, and the date is the same (RFC 9110 13.1.5; a tag is another one). It gets the whole.
 */
export function isDatedTwice(meta: ObjectMeta, { ruled, request }: Ask): boolean {
  const { headers } = request;
  const only = headers.get("if-range");
  const bytes = meta.part?.sizeBytes ?? meta.bodyBytes;
  if (only === null || only.endsWith('"') || bytes > WHOLE_BYTES_MAX) return false;
  return mayEncode(meta, ruled) && negotiate(headers.get("accept-encoding")) !== null;
}

/** @param coding null: the bytes as they are, of an answer that others get in a coding */
export function sayEncoding(headers: Headers, meta: ObjectMeta, coding: Coding | null): void {
  headers.set("vary", variesByEncoding(headers.get("vary")));
  if (coding === null) return;
  headers.set("content-encoding", coding);
  dropDigests(headers, "coding");
  if (meta.etag !== null) headers.set("etag", encodedTag(meta.etag));
}
