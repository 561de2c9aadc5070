import { ptr } from "bun:ffi";
import {
  encodeTcpAsk,
  encodeTcpDump,
  readTcpSent,
  type TcpEnds,
  type TcpPeer,
  type TcpSent,
  takeTcpDump,
} from "../wire/probe/mod.ts";
import { openLibc } from "./libc.ts";

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const;
type Libc = NonNullable<ReturnType<typeof openLibc<typeof SYMBOLS>>>;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0x80000 | 0x800;
const NETLINK_SOCK_DIAG = 4;
const BUFFER_BYTES = 65_536;
/** Datagrams of one dump at most: some hundred thousand connections. */
const DATAGRAMS_MAX = 4096;

export interface TcpDiag {
  /** Established connections of a local port go to `take`. False when the kernel refuses. */
  dump(port: number, take: (peer: TcpPeer) => void): boolean;
}

/** How far the bytes of one connection have come; null where there is no such connection. */
export interface TcpAsk {
  sent(ends: TcpEnds): TcpSent | "over" | null;
  stop(): void;
}

/** Null as `openTcpDiag()` is. Budget: 5 us an answer. */
export function openTcpAsk(): TcpAsk | null {
  const libc = openLibc(SYMBOLS);
  if (libc === null) return null;
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_FLAGS, NETLINK_SOCK_DIAG);
  if (fd < 0) return null;
  const buffer = new Uint8Array(new ArrayBuffer(BUFFER_BYTES));
  return {
    sent(ends) {
      const request = encodeTcpAsk(ends);
      // Answered before it returns. What an answer that was not read left behind goes first.
      while (Number(libc.recv(fd, ptr(buffer), buffer.length, 0)) > 0);
      if (Number(libc.send(fd, ptr(request), request.length, 0)) < 0) return null;
      const length = Number(libc.recv(fd, ptr(buffer), buffer.length, 0));
      return length <= 0 ? null : readTcpSent(buffer.subarray(0, length));
    },
    stop: () => void libc.close(fd),
  };
}

/** Null where the system or its rules do not let us ask (another system, a sandbox, no FFI). */
export function openTcpDiag(): TcpDiag | null {
  const libc = openLibc(SYMBOLS);
  if (libc === null) return null;
  const buffer = new Uint8Array(new ArrayBuffer(BUFFER_BYTES));
  const diag: TcpDiag = {
    dump(port, take) {
      const v4 = dumpFamily(libc, buffer, { request: encodeTcpDump(4, port), take });
      return dumpFamily(libc, buffer, { request: encodeTcpDump(6, port), take }) || v4;
    },
  };
  return diag.dump(1, () => {}) ? diag : null;
}

/** A socket for each dump: what an unfinished one left behind is gone with it. */
function dumpFamily(
  libc: Libc,
  buffer: Uint8Array,
  o: { readonly request: Uint8Array; readonly take: (peer: TcpPeer) => void },
): boolean {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_FLAGS, NETLINK_SOCK_DIAG);
  if (fd < 0) return false;
  try {
    if (Number(libc.send(fd, ptr(o.request), o.request.length, 0)) < 0) return false;
    for (let datagrams = 0; datagrams < DATAGRAMS_MAX; datagrams++) {
      const length = Number(libc.recv(fd, ptr(buffer), buffer.length, 0));
      if (length <= 0) return datagrams > 0;
      if (takeTcpDump(buffer.subarray(0, length), o.take) === "end") return true;
    }
    return true;
  } finally {
    libc.close(fd);
  }
}
