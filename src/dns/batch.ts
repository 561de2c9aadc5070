import { ptr } from "bun:ffi";
import type { Clock } from "../base/clock.ts";
import { isSigned, UDP_BYTES_EDNS } from "../wire/dns/mod.ts";
import type { Packet, Responder } from "./hot/answer.ts";
import { type Libc, SOCKADDR_BYTES } from "./libc.ts";

/** Packets per system call; beyond 64 the calls are no longer what costs. */
const BATCH = 64;
/** Longer queries do not exist in earnest; the kernel cuts them and they are FORMERR. */
const QUERY_BYTES_MAX = 2048;

const CACHE_LINE = 64;
/** Signed messages of one thread that the main thread answers in a second. */
const HANDED_PER_SEC = 200;

/** Of so many turns, a power of two, one answer's duration is taken. */
const TIMED_TURNS = 16;

/** struct mmsghdr, iovec and sockaddr on 64-bit Linux: sizes and offsets in bytes. */
const HEADER = 64;
const IOVEC = 16;
const SOCKADDR = 32;
const AT_NAME = 0;
const AT_NAME_LENGTH = 8;
const AT_IOVEC = 16;
const AT_IOVEC_COUNT = 24;
const AT_CONTROL = 32;
const AT_CONTROL_LENGTH = 40;
const AT_FLAGS = 48;
const AT_LENGTH = 56;
const AF_INET6 = 10;

/**
 * One control message: the address that a query came to, on sockets of a wildcard address. A head
 * of 16 bytes with the level at 8; then in_pktinfo (interface, source, destination), or in6_pktinfo
 * (address, interface).
 */
const CONTROL = 64;
const CONTROL_LEVEL = 8;
const INTERFACE_V4 = 16;
const INTERFACE_V6 = 32;

/**
 * Reads up to 64 packets with one system call, answers each, and sends the answers with another.
 * All memory is given once; one per thread, used for every socket of that thread.
 */
export class Batch {
  readonly #libc: Libc;
  readonly #responder: Responder;
  readonly #in = new Ring(QUERY_BYTES_MAX);
  readonly #out = new Ring(UDP_BYTES_EDNS);
  readonly #packets: readonly Packet[];

  readonly #clock: Clock;
  #turns = 0;
  /** Something was answered; whoever reports it sets this back. */
  answered = false;
  /** Takes signed messages, for whoever has the keys; null while there are none. */
  handOver: ((message: HandedOver) => void) | null = null;
  #handed = 0;
  #handedAtMs = 0;

  constructor(libc: Libc, responder: Responder, clock: Clock) {
    this.#libc = libc;
    this.#clock = clock;
    this.#responder = responder;
    this.#packets = this.#in.slots.map((bytes, i) => ({
      bytes,
      length: 0,
      address: this.#in.names,
      addressAt: i * SOCKADDR + 4,
      family: 4,
      stream: false,
    }));
  }

  /**
   * One turn: returns how many packets came in; 0 or less if none did. Hot.
   * Budget: two system calls and no allocation.
   */
  serve(fd: number, flags: number): number {
    const received = this.#libc.recvmmsg(fd, this.#in.headersAt, BATCH, flags, null);
    if (received <= 0) return received;
    const input = this.#in;
    const output = this.#out;
    const responder = this.#responder;
    responder.tick(this.#clock.wallMs());
    this.answered = true;
    let answers = 0;
    for (let i = 0; i < received; i++) {
      const packet = this.#packets[i]!;
      packet.length = input.headers[(i * HEADER + AT_LENGTH) >> 2]!;
      const v6 = input.names[i * SOCKADDR] === AF_INET6;
      packet.family = v6 ? 6 : 4;
      packet.addressAt = i * SOCKADDR + (v6 ? 8 : 4);
      if (this.handOver !== null && this.#mayHandOver(packet)) {
        this.handOver(input.copyOf(i, { fd, bytes: packet.bytes.slice(0, packet.length) }));
        input.reset(i);
        continue;
      }
      const timed = i === 0 && (++this.#turns & (TIMED_TURNS - 1)) === 0;
      const startMs = timed ? this.#clock.monoMs() : 0;
      const length = responder.answer(packet, output.slots[answers]!);
      if (timed) responder.tally.took((this.#clock.monoMs() - startMs) / 1000);
      if (length > 0) output.fill(answers++, { length, from: input, index: i });
      input.reset(i);
    }
    this.#send(fd, answers);
    return received;
  }

  /** Signed, and not more than so many in a second: a flood of them is answered like any other. */
  #mayHandOver(packet: Packet): boolean {
    if (!isSigned(packet.bytes, packet.length)) return false;
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#handedAtMs >= 1000) {
      this.#handedAtMs = nowMs;
      this.#handed = 0;
    }
    return ++this.#handed <= HANDED_PER_SEC;
  }

  /** Sends all; a packet that the kernel refuses (no route, a full buffer) is left out. */
  #send(fd: number, answers: number): void {
    let at = 0;
    while (at < answers) {
      const headers = this.#out.headersFrom[at]!;
      const sent = this.#libc.sendmmsg(fd, headers, answers - at, 0);
      at += sent > 0 ? sent : 1;
    }
  }
}

/** A message that another thread answers, by the same socket. */
export interface HandedOver {
  readonly fd: number;
  readonly bytes: Uint8Array;
  /** struct sockaddr of whoever sent it. */
  readonly name: Uint8Array;
  readonly control: Uint8Array;
  readonly controlBytes: number;
}

/** Where a message came from: 4 or 16 octets. */
export function addressOf({ name }: HandedOver): Uint8Array {
  return name[0] === AF_INET6 ? name.slice(8, 24) : name.slice(4, 8);
}

/** Sends an answer to a message that was handed over. What the kernel does not take is lost. */
export function sendTo(libc: Libc, to: HandedOver, bytes: Uint8Array): void {
  const [body, name, control] = [bytes, to.name, to.control].map(fixed) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const iovec = new BigUint64Array(new ArrayBuffer(IOVEC));
  iovec[0] = BigInt(ptr(body));
  iovec[1] = BigInt(body.length);
  const header = new DataView(new ArrayBuffer(HEADER));
  header.setBigUint64(AT_NAME, BigInt(ptr(name)), true);
  header.setUint32(AT_NAME_LENGTH, SOCKADDR_BYTES, true);
  header.setBigUint64(AT_IOVEC, BigInt(ptr(iovec)), true);
  header.setBigUint64(AT_IOVEC_COUNT, 1n, true);
  if (to.controlBytes > 0) header.setBigUint64(AT_CONTROL, BigInt(ptr(control)), true);
  header.setBigUint64(AT_CONTROL_LENGTH, BigInt(to.controlBytes), true);
  libc.sendmsg(to.fd, ptr(header), 0);
}

/** A copy that does not move while C looks at it. */
function fixed(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(Math.max(bytes.length, 1)), 0, bytes.length);
  copy.set(bytes);
  return copy;
}

/** The headers of 64 messages, their buffers and their addresses, as the kernel wants them. */
class Ring {
  /** 32-bit words over all mmsghdr. */
  readonly headers = new Uint32Array(new ArrayBuffer(BATCH * HEADER));
  readonly headersAt = ptr(this.headers);
  readonly headersFrom = Array.from({ length: BATCH }, (_, i) => ptr(this.headers, i * HEADER));
  readonly names = new Uint8Array(new ArrayBuffer(BATCH * SOCKADDR));
  readonly controls = new Uint32Array(new ArrayBuffer(BATCH * CONTROL));
  readonly slots: readonly Uint8Array[];
  readonly #iovecs = new BigUint64Array(new ArrayBuffer(BATCH * IOVEC));
  readonly #lengths = new Uint32Array(this.#iovecs.buffer);

  constructor(slotBytes: number) {
    // A cache line more than a power of two, so that the slots' first lines do not evict each other.
    const stride = slotBytes + CACHE_LINE;
    const memory = new ArrayBuffer(BATCH * stride);
    const whole = new Uint8Array(memory);
    this.slots = Array.from({ length: BATCH }, (_, i) => {
      return new Uint8Array(memory, i * stride, slotBytes);
    });
    const view = new DataView(this.headers.buffer);
    for (let i = 0; i < BATCH; i++) {
      this.#iovecs[i * 2] = BigInt(ptr(whole, i * stride));
      this.#iovecs[i * 2 + 1] = BigInt(slotBytes);
      view.setBigUint64(i * HEADER + AT_NAME, BigInt(ptr(this.names, i * SOCKADDR)), true);
      view.setBigUint64(i * HEADER + AT_IOVEC, BigInt(ptr(this.#iovecs, i * IOVEC)), true);
      view.setBigUint64(i * HEADER + AT_IOVEC_COUNT, 1n, true);
      view.setBigUint64(i * HEADER + AT_CONTROL, BigInt(ptr(this.controls, i * CONTROL)), true);
      this.reset(i);
    }
  }

  /** What the kernel has overwritten in a header it filled. */
  reset(i: number): void {
    this.headers[(i * HEADER + AT_NAME_LENGTH) >> 2] = SOCKADDR_BYTES;
    this.headers[(i * HEADER + AT_CONTROL_LENGTH) >> 2] = CONTROL;
    this.headers[(i * HEADER + AT_FLAGS) >> 2] = 0;
  }

  /** All that an answer sent later needs of message `i`. */
  copyOf(i: number, of: { readonly fd: number; readonly bytes: Uint8Array }): HandedOver {
    const header = (i * HEADER) >> 2;
    const controlBytes = this.headers[header + (AT_CONTROL_LENGTH >> 2)]!;
    if (controlBytes > 0) this.freeRoute(i);
    const name = this.names.slice(i * SOCKADDR, (i + 1) * SOCKADDR);
    const control = new Uint8Array(this.controls.buffer, i * CONTROL, CONTROL).slice();
    return { ...of, name, control, controlBytes };
  }

  /** Lets the answer take any way out, not only the interface that the query came in by. */
  freeRoute(i: number): void {
    const at = (i * CONTROL) >> 2;
    const v6 = this.controls[at + (CONTROL_LEVEL >> 2)] !== 0;
    if (v6 && isLinkLocal(this.controls[at + (INTERFACE_V4 >> 2)]!)) return;
    this.controls[at + ((v6 ? INTERFACE_V6 : INTERFACE_V4) >> 2)] = 0;
  }

  /** Makes slot `i` an answer of this length to whoever sent message `index`. */
  fill(i: number, to: { length: number; from: Ring; index: number }): void {
    const mine = (i * HEADER) >> 2;
    const theirs = (to.index * HEADER) >> 2;
    const { headers } = to.from;
    this.headers[mine] = headers[theirs]!;
    this.headers[mine + 1] = headers[theirs + 1]!;
    this.headers[mine + 2] = headers[theirs + 2]!;
    // What the kernel said of the query's destination is what it takes for the answer's source.
    const control = AT_CONTROL >> 2;
    this.headers[mine + control] = headers[theirs + control]!;
    this.headers[mine + control + 1] = headers[theirs + control + 1]!;
    const length = headers[theirs + control + 2]!;
    this.headers[mine + control + 2] = length;
    if (length > 0) to.from.freeRoute(to.index);
    this.#lengths[(i * IOVEC + 8) >> 2] = to.length;
  }
}

/** fe80::/10, of which an interface is a part: the first word as it lies in memory. */
function isLinkLocal(word: number): boolean {
  return (word & 0xc0ff) === 0x80fe;
}
