/** Linux socket diagnostics over netlink (sock_diag(7), linux/inet_diag.h), little-endian machines. */
const NLMSG_DONE = 3;
const NLMSG_ERROR = 2;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_DUMP_REQUEST = 0x301;
const NLM_F_REQUEST = 1;
const INET_DIAG_INFO = 2;
const TCP = 6;
const ESTABLISHED = 1 << 1;
const NETLINK_HEADER_BYTES = 16;
const DIAG_BYTES = 72;
/** `tcpi_rtt` in struct tcp_info, microseconds. */
const RTT_AT = 68;
/** `tcpi_bytes_acked` there. */
const ACKED_AT = 120;
/** `idiag_state` and `idiag_wqueue` in struct inet_diag_msg. */
const STATE_AT = 1;
const QUEUE_AT = 60;
const FIN_WAIT2 = 5;
const TIME_WAIT = 6;
/** Where there is no such connection, the kernel answers with whoever listens there. */
const CLOSED = 7;
const LISTEN = 10;

export const SOCK_DIAG_REQUEST_BYTES = 72;

/** One established TCP connection as the kernel sees it. */
export interface TcpPeer {
  /** 4 or 16 octets; of IPv4 clients of an IPv6 socket, 4. */
  readonly address: Uint8Array;
  /** Our side of it, likewise. */
  readonly local: Uint8Array;
  /** Smoothed round-trip time; null before the first sample. */
  readonly rttMs: number | null;
}

/** A request for all established connections of one local port, with their TCP figures. */
export function encodeTcpDump(family: 4 | 6, localPort: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(SOCK_DIAG_REQUEST_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SOCK_DIAG_REQUEST_BYTES, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_DUMP_REQUEST, true);
  view.setUint32(8, 1, true);
  bytes[16] = family === 4 ? 2 : 10;
  bytes[17] = TCP;
  bytes[18] = 1 << (INET_DIAG_INFO - 1);
  view.setUint32(20, ESTABLISHED, true);
  view.setUint16(24, localPort);
  return bytes;
}

/** Both ends of one TCP connection, ours first. */
export interface TcpEnds {
  /** 4 or 16 octets, both of one family. */
  readonly local: Uint8Array;
  readonly localPort: number;
  readonly remote: Uint8Array;
  readonly remotePort: number;
}

/** A request for one connection, whatever its state is, with its TCP figures. */
export function encodeTcpAsk({ local, localPort, remote, remotePort }: TcpEnds): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(SOCK_DIAG_REQUEST_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SOCK_DIAG_REQUEST_BYTES, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  view.setUint32(8, 1, true);
  bytes[16] = local.length === 4 ? 2 : 10;
  bytes[17] = TCP;
  bytes[18] = 1 << (INET_DIAG_INFO - 1);
  view.setUint32(20, 0xffffffff, true);
  view.setUint16(24, localPort);
  view.setUint16(26, remotePort);
  bytes.set(local, 28);
  bytes.set(remote, 44);
  // INET_DIAG_NOCOOKIE: whichever socket it is.
  bytes.fill(0xff, 64, 72);
  return bytes;
}

/** How far a connection's bytes have come, heads and TLS among them, since it began. */
export interface TcpSent {
  /** What the other side has acknowledged. */
  readonly acked: number;
  /** What was written and is not acknowledged. */
  readonly queued: number;
}

/**
 * The answer to `encodeTcpAsk()`. `over`: our side has closed it, and all of it was acknowledged. Null: there is
 * no such connection.
 *
 * @example readTcpSent(new Uint8Array(0)) // null
 */
export function readTcpSent(bytes: Uint8Array): TcpSent | "over" | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < NETLINK_HEADER_BYTES + DIAG_BYTES) return null;
  const to = Math.min(view.getUint32(0, true), bytes.length);
  if (view.getUint16(4, true) !== SOCK_DIAG_BY_FAMILY) return null;
  const from = NETLINK_HEADER_BYTES;
  const state = bytes[from + STATE_AT];
  if (state === FIN_WAIT2 || state === TIME_WAIT) return "over";
  if (state === CLOSED || state === LISTEN) return null;
  const info = infoIn(view, from + DIAG_BYTES, to);
  if (info === null || info.length < ACKED_AT + 8) return null;
  const acked = Number(view.getBigUint64(info.at + ACKED_AT, true));
  return { acked, queued: view.getUint32(from + QUEUE_AT, true) };
}

/** Where struct tcp_info stands among the attributes. */
function infoIn(
  view: DataView,
  from: number,
  to: number,
): { readonly at: number; readonly length: number } | null {
  for (let at = from; at + 4 <= to; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > to) return null;
    if (view.getUint16(at + 2, true) === INET_DIAG_INFO) return { at: at + 4, length: length - 4 };
    at += (length + 3) & ~3;
  }
  return null;
}

/**
 * Takes one datagram of a dump: its connections go to `take`. Returns whether more datagrams
 * follow; garbage ends the dump.
 *
 * @example takeTcpDump(new Uint8Array(0), () => {}) // "end"
 */
export function takeTcpDump(bytes: Uint8Array, take: (peer: TcpPeer) => void): "more" | "end" {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + NETLINK_HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    if (length < NETLINK_HEADER_BYTES || at + length > bytes.length) return "end";
    if (type === NLMSG_DONE || type === NLMSG_ERROR) return "end";
    if (type === SOCK_DIAG_BY_FAMILY) {
      const peer = readPeer(bytes, view, { from: at + NETLINK_HEADER_BYTES, to: at + length });
      if (peer !== null) take(peer);
    }
    at += (length + 3) & ~3;
  }
  return at === 0 ? "end" : "more";
}

function readPeer(
  bytes: Uint8Array,
  view: DataView,
  span: { readonly from: number; readonly to: number },
): TcpPeer | null {
  const { from, to } = span;
  if (from + DIAG_BYTES > to) return null;
  const v4 = bytes[from] === 2;
  const side = (start: number) => plain(bytes.slice(start, start + (v4 ? 4 : 16)));
  const ends = { local: side(from + 8), address: side(from + 24) };
  const info = infoIn(view, from + DIAG_BYTES, to);
  const us = info === null || info.length < RTT_AT + 4 ? 0 : view.getUint32(info.at + RTT_AT, true);
  return { ...ends, rttMs: us === 0 ? null : us / 1000 };
}

/** The IPv4 address in an IPv4-mapped one (RFC 4291 2.5.5.2). */
function plain(address: Uint8Array): Uint8Array {
  if (address.length === 4) return address;
  for (let at = 0; at < 10; at++) if (address[at] !== 0) return address;
  return address[10] === 0xff && address[11] === 0xff ? address.slice(12) : address;
}
