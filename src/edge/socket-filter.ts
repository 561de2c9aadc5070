import { ptr } from "bun:ffi";

const SOL_SOCKET = 1;

/**
 * A step of a filter of packets, in the codes of linux/filter.h: struct sock_filter {u16 code; u8 jt;
 * u8 jf; u32 k}. A comparison skips so many steps where it holds, or where it does not.
 */
export type FilterStep = readonly [code: number, k: number, jt?: number, jf?: number];

/** What of the C library it takes. */
interface Setter {
  setsockopt(fd: number, level: number, option: number, value: unknown, length: number): number;
}

/**
 * Gives a socket a filter. Nobody needs a right for that.
 *
 * @param option which of its filters, SO_ATTACH_FILTER or another (socket(7))
 * @returns whether the kernel took it
 */
export function setFilter(
  libc: Setter,
  fd: number,
  { option, steps }: { readonly option: number; readonly steps: readonly FilterStep[] },
): boolean {
  const filter = new DataView(new ArrayBuffer(8 * steps.length));
  for (const [i, [code, k, jt = 0, jf = 0]] of steps.entries()) {
    filter.setUint16(8 * i, code, true);
    filter.setUint8(8 * i + 2, jt);
    filter.setUint8(8 * i + 3, jf);
    filter.setUint32(8 * i + 4, k, true);
  }
  // struct sock_fprog {u16 len; padding; struct sock_filter *filter}
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, steps.length, true);
  program.setBigUint64(8, BigInt(ptr(filter)), true);
  return libc.setsockopt(fd, SOL_SOCKET, option, ptr(program), 16) === 0;
}
