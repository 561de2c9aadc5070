import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { openLibc } from "./libc.ts";

const SYMBOLS = {
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
} as const;
type Libc = NonNullable<ReturnType<typeof openLibc<typeof SYMBOLS>>>;

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** BPF_RET | BPF_K: "the answer is the constant". */
const RETURN_CONSTANT = 6;

/**
 * Opens a second listener at an address and port that one listens at already (SO_REUSEPORT), and has
 * the kernel give it all new connections: a filter of one instruction on the group of both says
 * "the second". When the first is closed later, the second is alone and its filter names nobody, which
 * the kernel takes for "any" (socket(7), net/core/sock_reuseport.c).
 *
 * @returns whether it is steered; where it is not, both get new connections by turns
 */
export function openSteered<T>(open: () => T): { readonly opened: T; readonly steered: boolean } {
  const libc = openLibc(SYMBOLS);
  if (libc === null) return { opened: open(), steered: false };
  const before = new Set(listening(libc));
  const opened = open();
  const mine = listening(libc).filter((fd) => !before.has(fd));
  return { opened, steered: mine.length === 1 && takeAll(libc, mine[0] ?? -1) };
}

/** This process's descriptors that listen. */
function listening(libc: Libc): readonly number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => isListening(libc, fd));
}

function isListening(libc: Libc, fd: number): boolean {
  const value = new Int32Array(new ArrayBuffer(4));
  const length = new Uint32Array(new ArrayBuffer(4)).fill(4);
  const failed = libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(length));
  return failed === 0 && value[0] === 1;
}

function takeAll(libc: Libc, fd: number): boolean {
  // struct sock_filter {u16 code; u8 jt; u8 jf; u32 k}: the index of the second socket.
  const filter = new DataView(new ArrayBuffer(8));
  filter.setUint16(0, RETURN_CONSTANT, true);
  filter.setUint32(4, 1, true);
  // struct sock_fprog {u16 len; padding; struct sock_filter *filter}
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, 1, true);
  program.setBigUint64(8, BigInt(ptr(filter)), true);
  return libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, ptr(program), 16) === 0;
}
