import type { DiskObject, MemoryObject, ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import type { DeliveryStatus } from "./count.ts";
import { HELD, HELD_STATUS } from "./crew.ts";
import type { Prepared } from "./head.ts";

/** What a worker gets of a stored object: all of it, or where a large one is. */
export type Handed =
  | { readonly kind: "object"; readonly meta: ObjectMeta; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: "file";
      readonly meta: ObjectMeta;
      readonly path: string;
      readonly fileBytes: number;
    };

/**
 * The keeper's answer to a worker about what is held: the worker delivers it, and counts. The body is
 *
 *   u32 length of the JSON, little-endian | JSON: meta, of a file its path and bytes | the object's body
 *
 * Null: only its head is asked for; the answer is sent as it is.
 */
export function handOver(
  held: MemoryObject<Prepared> | DiskObject,
  ask: Ask,
  status: DeliveryStatus,
): Response | null {
  if (ask.method !== "GET") return null;
  const { meta } = held;
  const headers = { [HELD]: "object", [HELD_STATUS]: JSON.stringify(status) };
  let body: BodyInit;
  if (held.kind === "file") {
    const { path, fileBytes } = held.stored;
    headers[HELD] = "file";
    body = framed({ meta, path, fileBytes }, new Uint8Array(0));
  } else body = bodyOf(held);
  const response = new Response(body, { headers });
  handed.add(response);
  return response;
}

/** A web server may write the same fields; they are not ours. */
export function isHandedOver(response: Response): boolean {
  return handed.has(response);
}

const handed = new WeakSet<Response>();

function bodyOf(held: MemoryObject<Prepared> | Extract<DiskObject, { kind: "whole" }>): BodyInit {
  const content = held.kind === "memory" ? held.content : held.bytes;
  if (!(content instanceof Blob)) return framed({ meta: held.meta }, content);
  return new Blob([framed({ meta: held.meta }, new Uint8Array(0)), content]);
}

/** The frame above. */
export function framed(about: object, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(about));
  const whole = new Uint8Array(4 + json.byteLength + body.byteLength);
  new DataView(whole.buffer).setUint32(0, json.byteLength, true);
  whole.set(json, 4);
  whole.set(body, 4 + json.byteLength);
  return whole;
}

/** Null where it is not what `handOver` wrote: the keeper ended in the middle of it. */
export function readHanded(kind: string, whole: Uint8Array<ArrayBuffer>): Handed | null {
  if (whole.byteLength < 4) return null;
  const { buffer, byteOffset, byteLength } = whole;
  const end = 4 + new DataView(buffer, byteOffset).getUint32(0, true);
  if (end > byteLength) return null;
  const about = JSON.parse(new TextDecoder().decode(whole.subarray(4, end)));
  if (kind === "file") return { kind, ...about } as Handed;
  const { meta } = about as { readonly meta: ObjectMeta };
  // Of its own: a view would keep the frame, which nobody counts.
  const bytes = whole.slice(end);
  return bytes.byteLength === meta.bodyBytes ? { kind: "object", meta, bytes } : null;
}
