import { dlopen, ptr } from "bun:ffi";
import { bindUdp, type Libc, openLibc, SOCKADDR_BYTES } from "../../src/dns/libc.ts";

/** Packets per system call. */
const BATCH = 64;
const SLOT_BYTES = 2048;
/** struct mmsghdr and iovec on 64-bit Linux. */
const HEADER = 64;
const AT_IOVEC = 16;
const AT_IOVEC_COUNT = 24;
const AT_LENGTH = 56;
const IOVEC = 16;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
/** The end of a batch is taken for lost, and sent again, after so long, ms. */
const LOST_MS = 500;
/** No answer for so long is a server that hangs, ms. */
const HANGS_MS = 20_000;

export interface Sending {
  readonly count: number;
  /** Writes packet `i`; returns its length. */
  readonly fill: (into: Uint8Array, i: number) => number;
  /** One answer. The octets are good for this call. */
  readonly onAnswer?: (bytes: Uint8Array) => void;
  /** A question that is always answered, under an id that no packet has: ends each batch. */
  readonly sentinel: Uint8Array;
  /** Called now and then, so that the loop of this thread goes on. */
  readonly pause?: () => Promise<void>;
}

/**
 * Sends millions of packets to one UDP server, 64 with one system call, and reads what comes back.
 * At most two batches are on their way, so nothing is lost to a full buffer: each batch ends with a
 * question whose answer says that all before it have been taken.
 */
export class PacketSender {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #out = new Slots();
  readonly #in = new Slots();
  readonly #polled = new Int32Array(new ArrayBuffer(8));

  constructor(to: { readonly host: string; readonly port: number }, from = "127.0.0.1") {
    const libc = openLibc();
    if (libc === null) throw new Error("This needs Linux and FFI");
    const bound = bindUdp(libc, { host: from, port: 0, shared: false });
    if ("errno" in bound) throw new Error(`Cannot bind ${from}: errno ${bound.errno}`);
    this.#libc = libc;
    this.#fd = bound.fd;
    this.#polled[0] = bound.fd;
    this.#polled[1] = POLLIN;
    const { connect } = dlopen("libc.so.6", {
      connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    }).symbols;
    const name = new DataView(new ArrayBuffer(SOCKADDR_BYTES));
    name.setUint16(0, 2, true);
    name.setUint16(2, to.port);
    for (const [i, octet] of to.host.split(".").entries()) name.setUint8(4 + i, Number(octet));
    if (connect(bound.fd, ptr(name), 16) !== 0) throw new Error(`Cannot connect to ${to.host}`);
  }

  /** Returns how many answers came, and how often the end of a batch was sent again. */
  async run(o: Sending): Promise<{ answers: number; again: number }> {
    let onWay = 0;
    let answers = 0;
    let again = 0;
    let heardMs = performance.now();
    let againMs = heardMs;
    const take = (bytes: Uint8Array) => {
      if (bytes[0] === o.sentinel[0] && bytes[1] === o.sentinel[1]) {
        onWay = Math.max(0, onWay - 1);
        heardMs = performance.now();
        againMs = heardMs;
        return;
      }
      answers += 1;
      o.onAnswer?.(bytes);
    };
    const wait = (most: number) => {
      while (onWay > most) {
        if (this.#read(take)) continue;
        this.#libc.poll(ptr(this.#polled), 1, 50);
        const nowMs = performance.now();
        if (nowMs - heardMs > HANGS_MS) throw new Error("The server answers no more");
        if (nowMs - againMs < LOST_MS) continue;
        againMs = nowMs;
        again += 1;
        this.#send([o.sentinel]);
      }
    };
    for (let i = 0, turn = 0; i < o.count; turn++) {
      const size = Math.min(BATCH - 1, o.count - i);
      for (let k = 0; k < size; k++) this.#out.setLength(k, o.fill(this.#out.slots[k]!, i + k));
      this.#out.slots[size]!.set(o.sentinel);
      this.#out.setLength(size, o.sentinel.length);
      this.#sendAll(size + 1);
      i += size;
      onWay += 1;
      wait(1);
      if (turn % 64 === 63) await o.pause?.();
    }
    wait(0);
    return { answers, again };
  }

  /** Asks one question and waits for what comes back: how long that took, ms; null if nothing did. */
  ask(bytes: Uint8Array, withinMs = 5000): number | null {
    const startMs = performance.now();
    this.#send([bytes]);
    for (let passedMs = 0; passedMs < withinMs; ) {
      const got = this.#read(() => {});
      passedMs = performance.now() - startMs;
      if (got) return passedMs;
      this.#libc.poll(ptr(this.#polled), 1, 100);
    }
    return null;
  }

  close(): void {
    this.#libc.close(this.#fd);
  }

  #send(packets: readonly Uint8Array[]): void {
    for (const [k, packet] of packets.entries()) {
      this.#out.slots[k]!.set(packet);
      this.#out.setLength(k, packet.length);
    }
    this.#sendAll(packets.length);
  }

  /** The kernel's own buffer may be full for a moment: then it is asked again. */
  #sendAll(count: number): void {
    for (let at = 0; at < count; ) {
      const sent = this.#libc.sendmmsg(this.#fd, this.#out.headersFrom[at]!, count - at, 0);
      if (sent > 0) at += sent;
    }
  }

  #read(take: (bytes: Uint8Array) => void): boolean {
    const input = this.#in;
    const got = this.#libc.recvmmsg(this.#fd, input.headersFrom[0]!, BATCH, MSG_DONTWAIT, null);
    for (let i = 0; i < got; i++) take(input.slots[i]!.subarray(0, input.lengthOf(i)));
    return got > 0;
  }
}

/** 64 messages and their buffers, as the kernel wants them; the socket is connected. */
class Slots {
  readonly slots: readonly Uint8Array[];
  readonly headersFrom: readonly ReturnType<typeof ptr>[];
  readonly #headers = new Uint32Array(new ArrayBuffer(BATCH * HEADER));
  readonly #iovecs = new BigUint64Array(new ArrayBuffer(BATCH * IOVEC));

  constructor() {
    const memory = new ArrayBuffer(BATCH * SLOT_BYTES);
    const whole = new Uint8Array(memory);
    const view = new DataView(this.#headers.buffer);
    this.slots = Array.from({ length: BATCH }, (_, i) => {
      return new Uint8Array(memory, i * SLOT_BYTES, SLOT_BYTES);
    });
    this.headersFrom = Array.from({ length: BATCH }, (_, i) => ptr(this.#headers, i * HEADER));
    for (let i = 0; i < BATCH; i++) {
      this.#iovecs[i * 2] = BigInt(ptr(whole, i * SLOT_BYTES));
      this.setLength(i, SLOT_BYTES);
      view.setBigUint64(i * HEADER + AT_IOVEC, BigInt(ptr(this.#iovecs, i * IOVEC)), true);
      view.setBigUint64(i * HEADER + AT_IOVEC_COUNT, 1n, true);
    }
  }

  setLength(i: number, length: number): void {
    this.#iovecs[i * 2 + 1] = BigInt(length);
  }

  /** Of a message that was received. */
  lengthOf(i: number): number {
    return this.#headers[(i * HEADER + AT_LENGTH) >> 2]!;
  }
}
