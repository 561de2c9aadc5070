import { ptr } from "bun:ffi";
import { readdir } from "node:fs/promises";
import { openLibc } from "./libc.ts";

const SYMBOLS = {
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
} as const;

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const SHUT_RDWR = 2;
const ADDRESS_BYTES = 28;
const INFO_BYTES = 256;
/** `tcpi_bytes_acked` and `tcpi_bytes_received` in struct tcp_info (linux/tcp.h). */
const ACKED_AT = 120;
const RECEIVED_AT = 128;

/** How far a client's connection has come. */
export interface OwnSocket {
  /** The client's port. */
  readonly port: number;
  /** Bytes since its beginning, TLS included. */
  readonly received: number;
  readonly acked: number;
}

/** This process's TCP connections, by descriptor. */
export interface OwnSockets {
  /** All descriptors, whatever they are. */
  list(): Promise<readonly number[]>;
  /** Null: it is no connection that came to this port. Costs 2 us where it is one. */
  look(fd: number, localPort: number): OwnSocket | null;
  /** Ends it for both sides; whoever reads of it sees its end, and closes it. */
  shut(fd: number): void;
}

/** Null where the system does not tell. */
export function openOwnSockets(): OwnSockets | null {
  const libc = openLibc(SYMBOLS);
  if (libc === null) return null;
  const address = new DataView(new ArrayBuffer(ADDRESS_BYTES));
  const info = new DataView(new ArrayBuffer(INFO_BYTES));
  const length = new Uint32Array(new ArrayBuffer(4));
  /** The port of a socket's name: at the same place for IPv4 and IPv6 (ip(7), ipv6(7)). */
  const portOf = (name: "getsockname" | "getpeername", fd: number): number | null => {
    length[0] = ADDRESS_BYTES;
    if (libc[name](fd, ptr(address), ptr(length)) !== 0) return null;
    return address.getUint16(2);
  };
  return {
    list: async () => (await readdir("/proc/self/fd").catch(() => [])).map(Number),
    look(fd, localPort) {
      if (portOf("getsockname", fd) !== localPort) return null;
      const port = portOf("getpeername", fd);
      length[0] = INFO_BYTES;
      const told = libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, ptr(info), ptr(length));
      if (port === null || told !== 0 || (length[0] ?? 0) < RECEIVED_AT + 8) return null;
      const acked = Number(info.getBigUint64(ACKED_AT, true));
      return { port, acked, received: Number(info.getBigUint64(RECEIVED_AT, true)) };
    },
    shut: (fd) => void libc.shutdown(fd, SHUT_RDWR),
  };
}
