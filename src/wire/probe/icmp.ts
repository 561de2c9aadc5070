const ECHO = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
export const ICMP_BYTES = 16;

/**
 * An echo request (RFC 792, RFC 4443 4.1) whose data is an 8-byte nonce. The kernel writes the
 * checksum of ICMPv6, and of ping sockets; for raw ones it must be right here.
 *
 * @example encodeEcho(4, 1, new Uint8Array(8))[0] // 8
 */
export function encodeEcho(family: 4 | 6, seq: number, nonce: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(ICMP_BYTES));
  const view = new DataView(bytes.buffer);
  bytes[0] = ECHO[family].request;
  view.setUint16(6, seq & 0xffff);
  bytes.set(nonce.subarray(0, 8), 8);
  let sum = 0;
  for (let at = 0; at < ICMP_BYTES; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(2, ~sum & 0xffff);
  return bytes;
}

/**
 * The nonce of an echo reply, or null for anything else. An IPv4 header before it, as raw sockets
 * give, is skipped.
 *
 * @example echoReplyNonce(4, new Uint8Array(3)) // null
 */
export function echoReplyNonce(family: 4 | 6, packet: Uint8Array): Uint8Array | null {
  const first = packet[0] ?? 0;
  const skip = family === 4 && first >>> 4 === 4 ? (first & 15) * 4 : 0;
  const bytes = packet.subarray(skip);
  if (bytes.length < ICMP_BYTES || bytes[0] !== ECHO[family].reply || bytes[1] !== 0) return null;
  return bytes.slice(8, 16);
}
