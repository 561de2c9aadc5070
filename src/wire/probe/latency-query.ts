/** A query for the root's name servers: header 12, root label 1, type 2, class 2 (RFC 1035 4.1). */
export const LATENCY_QUERY_BYTES = 17;

const TYPE_NS = 2;
const CLASS_IN = 1;

/**
 * The smallest DNS query: `. NS IN`, no recursion asked. Any answer to it, even a refusal, shows
 * how long the way to a name server and back takes.
 *
 * @example encodeLatencyQuery(0x1234).length // 17
 */
export function encodeLatencyQuery(id: number): Uint8Array {
  const bytes = new Uint8Array(LATENCY_QUERY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id & 0xffff);
  view.setUint16(4, 1);
  view.setUint16(13, TYPE_NS);
  view.setUint16(15, CLASS_IN);
  return bytes;
}

/**
 * True for a DNS response (QR set) with this id; its content and code do not matter.
 *
 * @example isLatencyReply(new Uint8Array(3), 1) // false
 */
export function isLatencyReply(bytes: Uint8Array, id: number): boolean {
  if (bytes.length < 12) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint16(0) === (id & 0xffff) && (view.getUint8(2) & 0x80) !== 0;
}
