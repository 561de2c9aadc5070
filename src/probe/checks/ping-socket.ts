import { dlopen, ptr } from "bun:ffi";
import { parseAddress } from "../../wire/ip/mod.ts";
import { echoReplyNonce, encodeEcho } from "../../wire/probe/mod.ts";

/** Structures are those of Linux on 64-bit machines of little-endian order. */
const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const;
type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

const AF = { 4: 2, 6: 10 } as const;
const PROTOCOL = { 4: 1, 6: 58 } as const;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_FLAGS = 0x80000 | 0x800;
const POLL_MS = 1;
/** A raw socket hears every reply of the machine: no more of them at a time than this. */
const PACKETS_MAX = 256;

export interface Pinger {
  /** Ms of one round trip; null when nothing came in time or there is no way. */
  ping(address: string, nonce: Uint8Array, timeoutMs: number): Promise<number | null>;
}

const pingers: { 4?: Pinger | null; 6?: Pinger | null } = {};

/** This process's socket for echoes of one family; null where the system forbids them. */
export function pingerOf(family: 4 | 6, nowMs: () => number): Pinger | null {
  const known = pingers[family];
  if (known !== undefined) return known;
  const pinger = openPinger(family, nowMs);
  pingers[family] = pinger;
  return pinger;
}

function openPinger(family: 4 | 6, nowMs: () => number): Pinger | null {
  if (process.platform !== "linux") return null;
  let libc: Libc;
  try {
    libc = dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    return null;
  }
  for (const type of [SOCK_DGRAM, SOCK_RAW]) {
    const fd = libc.socket(AF[family], type | SOCK_FLAGS, PROTOCOL[family]);
    if (fd >= 0) return new PingSocket(libc, fd, { family, nowMs });
  }
  return null;
}

class PingSocket implements Pinger {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #family: 4 | 6;
  readonly #nowMs: () => number;
  readonly #pending = new Map<string, (atMs: number) => void>();
  readonly #buffer = new Uint8Array(new ArrayBuffer(2048));
  #polling = false;
  #seq = 0;

  constructor(libc: Libc, fd: number, o: { family: 4 | 6; nowMs: () => number }) {
    this.#libc = libc;
    this.#fd = fd;
    this.#family = o.family;
    this.#nowMs = o.nowMs;
  }

  ping(address: string, nonce: Uint8Array, timeoutMs: number): Promise<number | null> {
    const to = sockaddr(this.#family, address);
    if (to === null) return Promise.resolve(null);
    const key = keyOf(nonce);
    const packet = encodeEcho(this.#family, ++this.#seq, nonce);
    return new Promise((resolve) => {
      const startMs = this.#nowMs();
      const end = (rttMs: number | null) => {
        clearTimeout(timer);
        this.#pending.delete(key);
        resolve(rttMs);
      };
      const timer = setTimeout(() => {
        this.#read();
        end(null);
      }, timeoutMs);
      this.#pending.set(key, (atMs) => end(atMs - startMs));
      const sent = this.#libc.sendto(this.#fd, ptr(packet), packet.length, 0, ptr(to), to.length);
      if (Number(sent) < 0) end(null);
      else this.#poll();
    });
  }

  #poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    setTimeout(() => {
      this.#polling = false;
      this.#read();
      if (this.#pending.size > 0) this.#poll();
    }, POLL_MS);
  }

  #read(): void {
    for (let packets = 0; packets < PACKETS_MAX; packets++) {
      const length = Number(this.#libc.recv(this.#fd, ptr(this.#buffer), this.#buffer.length, 0));
      if (length < 0) return;
      const nonce = echoReplyNonce(this.#family, this.#buffer.subarray(0, length));
      if (nonce !== null) this.#pending.get(keyOf(nonce))?.(this.#nowMs());
    }
  }
}

function keyOf(nonce: Uint8Array): string {
  return nonce.toHex();
}

function sockaddr(family: 4 | 6, text: string): Uint8Array | null {
  const address = parseAddress(text);
  if (address === null || address.length !== (family === 4 ? 4 : 16)) return null;
  const bytes = new Uint8Array(new ArrayBuffer(family === 4 ? 16 : 28));
  new DataView(bytes.buffer).setUint16(0, AF[family], true);
  bytes.set(address, family === 4 ? 4 : 8);
  return bytes;
}
