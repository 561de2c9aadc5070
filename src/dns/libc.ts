import { dlopen, ptr, read } from "bun:ffi";
import { familyOf, parseAddress } from "../wire/ip/mod.ts";

/**
 * The system calls that the batched way needs, through libc. Structures are those of Linux on
 * 64-bit machines of little-endian order (x86-64, arm64). Buffers handed over must be built on an
 * explicit `new ArrayBuffer(n)`: other typed arrays may move.
 */
const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  recvmmsg: { args: ["i32", "ptr", "u32", "i32", "ptr"], returns: "i32" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
  sendmmsg: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

export type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

/** Null where this cannot work: another system, another C library, no FFI. */
export function openLibc(): Libc | null {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) {
    return null;
  }
  try {
    return dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    return null;
  }
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_RCVTIMEO = 20;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_PKTINFO = 8;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
export const MSG_DONTWAIT = 0x40;
export const MSG_WAITFORONE = 0x10000;
export const SOCKADDR_BYTES = 28;

/** How long a worker sleeps in the kernel before it looks at its messages. */
export const WAIT_MS = 100;
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** A bound UDP socket's number, or the C library's `errno`. */
export type Bound = { readonly fd: number; readonly port: number } | { readonly errno: number };

/** Linux's numbers of what `bind` may answer. */
export const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  13: "EACCES",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
};
/** A socket that is gone or none: nothing will ever come from it. */
export const EBADF = 9;
export const ENOTSOCK = 88;

/** `shared`: other sockets of ours are bound to the same address (SO_REUSEPORT). */
export function bindUdp(
  libc: Libc,
  to: { readonly host: string; readonly port: number; readonly shared: boolean },
): Bound {
  const address = parseAddress(to.host);
  if (address === null) return { errno: 22 };
  const v6 = familyOf(address) === 6;
  const fd = libc.socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return { errno: errno(libc) };
  const fail = (): Bound => {
    const code = errno(libc);
    libc.close(fd);
    return { errno: code };
  };
  setOption(libc, fd, [SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES]);
  if (to.shared) setOption(libc, fd, [SOL_SOCKET, SO_REUSEPORT, 1]);
  if (v6) setOption(libc, fd, [IPPROTO_IPV6, IPV6_V6ONLY, 1]);
  if (address.every((octet) => octet === 0)) {
    // The answer must leave from the address that was asked, so the kernel says which it was.
    setOption(libc, fd, v6 ? [IPPROTO_IPV6, IPV6_RECVPKTINFO, 1] : [IPPROTO_IP, IP_PKTINFO, 1]);
  }
  const timeval = new BigInt64Array(new ArrayBuffer(16));
  timeval[1] = BigInt(WAIT_MS * 1000);
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, ptr(timeval), 16);
  const name = new DataView(new ArrayBuffer(SOCKADDR_BYTES));
  name.setUint16(0, v6 ? AF_INET6 : AF_INET, true);
  name.setUint16(2, to.port);
  for (const [i, octet] of address.entries()) name.setUint8((v6 ? 8 : 4) + i, octet);
  if (libc.bind(fd, ptr(name), v6 ? 28 : 16) !== 0) return fail();
  const size = new Uint32Array(new ArrayBuffer(4)).fill(SOCKADDR_BYTES);
  if (libc.getsockname(fd, ptr(name), ptr(size)) !== 0) return fail();
  return { fd, port: name.getUint16(2) };
}

function setOption(libc: Libc, fd: number, option: readonly [number, number, number]): void {
  const value = new Int32Array(new ArrayBuffer(4)).fill(option[2]);
  libc.setsockopt(fd, option[0], option[1], ptr(value), 4);
}

/** Of the last call in this thread. */
export function errno(libc: Libc): number {
  const at = libc.__errno_location();
  return at === null ? 0 : read.i32(at, 0);
}
