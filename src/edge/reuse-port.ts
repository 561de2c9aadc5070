import { ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { openLibc } from "./libc.ts";
import { type FilterStep, setFilter } from "./socket-filter.ts";

const SYMBOLS = {
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
} as const;
type Libc = NonNullable<ReturnType<typeof openLibc<typeof SYMBOLS>>>;

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SO_ATTACH_REUSEPORT_CBPF = 51;

/**
 * Where a listener stands among those of an address and port (SO_REUSEPORT): the kernel numbers them in
 * the order in which they were opened, and when one is closed the last takes its number (socket(7),
 * net/core/sock_reuseport.c).
 */
export interface Places {
  /** The first of those that new connections go to. */
  readonly from: number;
  /** How many they are. 0: new connections go to any listener. */
  readonly among: number;
}

/** Opens a listener; `fd` is its descriptor, null where that cannot be told. */
export function openListener<T>(open: () => T): { readonly opened: T; readonly fd: number | null } {
  const libc = openLibc(SYMBOLS);
  if (libc === null) return { opened: open(), fd: null };
  const before = new Set(listening(libc));
  const opened = open();
  const mine = listening(libc).filter((fd) => !before.has(fd));
  return { opened, fd: mine.length === 1 ? (mine[0] ?? null) : null };
}

/**
 * Has the kernel give new connections to some listeners only, by a filter on all of an address and port.
 * A draw that names no listener is taken for "any".
 *
 * @param fd one of the listeners, whichever
 * @returns whether it does
 */
export function steer(fd: number, { from, among }: Places): boolean {
  const libc = openLibc(SYMBOLS);
  if (libc === null) return false;
  const steps = among === 0 ? [[RETURN_CONSTANT, 0xffff_ffff] as const] : drawn(from, among);
  return setFilter(libc, fd, { option: SO_ATTACH_REUSEPORT_CBPF, steps });
}

/** BPF_RET | BPF_K: "the answer is the constant". */
const RETURN_CONSTANT = 0x06;

/** `from + random mod among`, in the codes of linux/filter.h. */
function drawn(from: number, among: number): readonly FilterStep[] {
  return [
    // BPF_LD | BPF_W | BPF_ABS at SKF_AD_OFF + SKF_AD_RANDOM
    [0x20, 0xffff_f000 + 56],
    // BPF_ALU | BPF_MOD | BPF_K
    [0x94, among],
    // BPF_ALU | BPF_ADD | BPF_K
    [0x04, from],
    // BPF_RET | BPF_A
    [0x16, 0],
  ];
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
