import {
  type Coding,
  encodedTag,
  mayCompress,
  negotiate,
  variesByEncoding,
} from "../../policy/rules/mod.ts";
import { MemoryObject, type ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { getter } from "./meta.ts";

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
  const rule = ask.ruled?.plan.compress?.is;
  if (rule === undefined || rule === false) return null;
  const { status, bodyBytes, fields } = held.meta;
  if (!mayCompress(rule, { status, bodyBytes, get: getter(fields) })) return null;
  headers.set("vary", variesByEncoding(headers.get("vary")));
  const asked = ask.request.headers;
  const coding = asked.has("range") ? null : negotiate(asked.get("accept-encoding"));
  if (coding === null || !(held instanceof MemoryObject) || held.slot < 0) return null;
  const bytes = held.encoded?.get(coding);
  if (bytes === undefined) ask.ruled?.encode(held, coding);
  if (bytes == null) return null;
  headers.set("content-encoding", coding);
  if (held.meta.etag !== null) headers.set("etag", encodedTag(held.meta.etag));
  return { coding, bytes };
}
