import {
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { assert } from "../../src/base/assert.ts";
import {
  clientHello,
  expand,
  extensionIn,
  extract,
  hash,
  Keys,
  messages,
  Reader,
  shareIn,
  varint,
} from "./quic-tls.ts";

// QUIC version 1 as a client that can say anything (RFC 9000, 9001): one cipher suite, no loss recovery but
// of the handshake, no check of certificates. For loopback.

const INITIAL_SALT = Buffer.from("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "hex");
const INITIAL = 0;
const HANDSHAKE = 1;
const APP = 2;
const CID_BYTES = 8;
const TAG_BYTES = 16;
const AGAIN_MS = 250;

/** One packet number space. */
class Space {
  ours: Keys | null = null;
  theirs: Keys | null = null;
  next = 0;
  largest = -1;
  readonly seen = new Set<number>();
  /** Bytes of the handshake, by offset. */
  readonly crypto = new Map<number, Buffer>();
  isAckDue = false;

  stream(): Buffer {
    let all = Buffer.alloc(0);
    for (let grown = true; grown; ) {
      grown = false;
      for (const [offset, bytes] of this.crypto) {
        if (offset > all.length || offset + bytes.length <= all.length) continue;
        all = Buffer.concat([all.subarray(0, offset), bytes]);
        grown = true;
      }
    }
    return all;
  }

  /** ACK of the packets that came without a gap before the last. */
  ack(): Buffer {
    let first = 0;
    while (this.seen.has(this.largest - first - 1)) first++;
    return Buffer.concat([Buffer.of(2), varint(this.largest), Buffer.of(0, 0), varint(first)]);
  }
}

/** What came on a stream. */
export interface QuicStreamSeen {
  readonly parts: Map<number, Buffer>;
  /** Its length, once the end was said. */
  size: number | null;
  /** The code with which the other side reset it, or asks us to send no more. */
  reset: number | null;
  stopped: number | null;
}

export class RawQuic {
  readonly streams = new Map<number, QuicStreamSeen>();
  /** Why the connection ended; null: it has not. */
  closedWith: { readonly code: number; readonly words: string } | null = null;
  /** Streams in both directions that we may open. */
  streamsMax = 0;
  onFrame: (type: number) => void = () => {};
  readonly #spaces = [new Space(), new Space(), new Space()] as const;
  readonly #scid = randomBytes(CID_BYTES);
  #dcid = randomBytes(CID_BYTES);
  readonly #key: KeyObject;
  readonly #hello: Buffer;
  #shared: Buffer | null = null;
  #finished: Buffer | null = null;
  #socket!: Awaited<ReturnType<typeof Bun.udpSocket>>;
  #send: (datagram: Buffer) => void = () => {};

  private constructor(servername: string) {
    const { privateKey, publicKey } = generateKeyPairSync("x25519");
    this.#key = privateKey;
    const share = Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url");
    this.#hello = clientHello({ servername, share, scid: this.#scid });
    const initial = extract(INITIAL_SALT, this.#dcid);
    this.#spaces[INITIAL].ours = new Keys(expand(initial, "client in"));
    this.#spaces[INITIAL].theirs = new Keys(expand(initial, "server in"));
  }

  static async open(o: {
    readonly address: string;
    readonly port: number;
    readonly servername: string;
  }): Promise<RawQuic> {
    const quic = new RawQuic(o.servername);
    const socket = await Bun.udpSocket({
      connect: { hostname: o.address, port: o.port },
      socket: { data: (_, datagram) => quic.#take(Buffer.from(datagram)) },
    });
    quic.#socket = socket;
    quic.#send = (datagram) => void socket.send(datagram);
    const end = performance.now() + 10_000;
    while (quic.#finished === null && quic.closedWith === null) {
      assert(performance.now() < end, "The handshake came to its end in time");
      quic.#sendHello();
      const again = performance.now() + AGAIN_MS;
      while (quic.#finished === null && performance.now() < again) await Bun.sleep(2);
    }
    return quic;
  }

  /** One packet with these frames, as they are; 1,150 bytes at most. */
  send(...frames: readonly Buffer[]): void {
    if (this.closedWith !== null) return;
    this.#send(this.#sealed(APP, Buffer.concat(frames)));
  }

  /** A STREAM frame with offset and length (RFC 9000 19.8). */
  static stream(id: number, bytes: Buffer, o: { offset?: number; fin?: boolean } = {}): Buffer {
    const type = 0x0e | (o.fin === true ? 1 : 0);
    const at = [varint(id), varint(o.offset ?? 0), varint(bytes.length)];
    return Buffer.concat([Buffer.of(type), ...at, bytes]);
  }

  /** What came on a stream so far, in order. */
  body(id: number): Buffer {
    const all: Buffer[] = [];
    let at = 0;
    for (const [offset, bytes] of [...(this.streams.get(id)?.parts ?? [])].sort(
      (a, b) => a[0] - b[0],
    )) {
      if (offset > at) break;
      all.push(bytes.subarray(at - offset));
      at = Math.max(at, offset + bytes.length);
    }
    return Buffer.concat(all);
  }

  /** Answered whole, reset, or its connection is over. */
  ended(id: number): boolean {
    const seen = this.streams.get(id);
    const whole = seen?.size != null && this.body(id).length >= seen.size;
    return this.closedWith !== null || whole || seen?.reset != null;
  }

  async until(holds: () => boolean, patienceMs = 10_000): Promise<"held" | "closed" | "late"> {
    const end = performance.now() + patienceMs;
    for (;;) {
      if (holds()) return "held";
      if (this.closedWith !== null) return "closed";
      if (performance.now() > end) return "late";
      await Bun.sleep(2);
    }
  }

  /** Says nothing more. */
  close(): void {
    this.#socket.close();
  }

  #sendHello(): void {
    const frames = Buffer.concat([
      ...[Buffer.of(6, 0), varint(this.#hello.length), this.#hello],
      Buffer.alloc(Math.max(0, 1_180 - this.#hello.length)),
    ]);
    this.#send(this.#sealed(INITIAL, frames));
  }

  #sealed(level: 0 | 1 | 2, frames: Buffer): Buffer {
    const space = this.#spaces[level];
    const number = space.next++;
    assert(space.ours !== null, "There are keys for it");
    const padded = frames.length < 4 ? Buffer.concat([frames, Buffer.alloc(4)]) : frames;
    const at = Buffer.alloc(4);
    at.writeUInt32BE(number);
    const long = Buffer.concat([
      Buffer.of(0xc3 | (level === HANDSHAKE ? 0x20 : 0), 0, 0, 0, 1, this.#dcid.length),
      ...[this.#dcid, Buffer.of(this.#scid.length), this.#scid],
      ...(level === INITIAL ? [Buffer.of(0)] : []),
      varint(4 + padded.length + TAG_BYTES),
    ]);
    const head = level === APP ? Buffer.concat([Buffer.of(0x43), this.#dcid]) : long;
    const whole = Buffer.concat([head, at]);
    const sealed = space.ours.seal(number, whole, padded);
    const packet = Buffer.concat([whole, sealed]);
    const mask = space.ours.mask(sealed.subarray(0, 16));
    packet[0]! ^= mask[0]! & (level === APP ? 0x1f : 0x0f);
    for (let i = 0; i < 4; i++) packet[head.length + i]! ^= mask[1 + i]!;
    return packet;
  }

  #take(datagram: Buffer): void {
    for (let at = 0; at < datagram.length; ) {
      const length = this.#packet(datagram.subarray(at));
      if (length === 0) break;
      at += length;
    }
    this.#advance();
    for (const level of [INITIAL, HANDSHAKE, APP] as const) {
      const space = this.#spaces[level];
      if (!space.isAckDue || space.ours === null) continue;
      space.isAckDue = false;
      const ack = space.ack();
      const padding = level === INITIAL ? 1_180 : 0;
      this.#send(this.#sealed(level, Buffer.concat([ack, Buffer.alloc(padding)])));
    }
  }

  /** Opens one packet; returns how many bytes it has, 0 where nothing can follow it. */
  #packet(bytes: Buffer): number {
    const isLong = (bytes[0]! & 0x80) !== 0;
    if (!isLong) {
      this.#opened(APP, bytes, 1 + CID_BYTES);
      return 0;
    }
    const reader = new Reader(bytes);
    reader.take(5);
    reader.take(reader.take(1)[0]!);
    const theirs = reader.take(reader.take(1)[0]!);
    const level = (bytes[0]! >> 4) & 3;
    if (level !== 0 && level !== 2) return 0;
    if (level === 0) reader.take(reader.varint());
    const length = reader.varint();
    const { at } = reader;
    const packet = bytes.subarray(0, at + length);
    if (this.#opened(level === 0 ? INITIAL : HANDSHAKE, packet, at))
      this.#dcid = Buffer.from(theirs);
    return at + length;
  }

  #opened(level: 0 | 1 | 2, bytes: Buffer, at: number): boolean {
    const space = this.#spaces[level];
    if (space.theirs === null || bytes.length < at + 20) return false;
    const packet = Buffer.from(bytes);
    const mask = space.theirs.mask(packet.subarray(at + 4, at + 20));
    packet[0]! ^= mask[0]! & (level === APP ? 0x1f : 0x0f);
    const size = (packet[0]! & 3) + 1;
    for (let i = 0; i < size; i++) packet[at + i]! ^= mask[1 + i]!;
    // RFC 9000 A.3.
    const window = 2 ** (8 * size);
    const expected = space.largest + 1;
    let number = Math.floor(expected / window) * window + packet.readUIntBE(at, size);
    if (number <= expected - window / 2) number += window;
    else if (number > expected + window / 2 && number >= window) number -= window;
    const head = packet.subarray(0, at + size);
    const payload = space.theirs.open(number, head, packet.subarray(at + size));
    if (payload === null) return false;
    space.largest = Math.max(space.largest, number);
    space.seen.add(number);
    space.seen.delete(space.largest - 1_000);
    this.#frames(space, new Reader(payload));
    return true;
  }

  #frames(space: Space, reader: Reader): void {
    while (reader.left > 0) {
      const type = reader.varint();
      this.onFrame(type);
      if (type !== 0 && type !== 2 && type !== 3) space.isAckDue = true;
      if (type === 6) {
        const offset = reader.varint();
        space.crypto.set(offset, Buffer.from(reader.take(reader.varint())));
      } else if (type >= 8 && type <= 15) this.#streamFrame(type, reader);
      else if (type === 4 || type === 5) {
        const seen = this.#seen(reader.varint());
        if (type === 4) seen.reset = reader.varint();
        else seen.stopped = reader.varint();
        if (type === 4) reader.varint();
      } else if (type === 0x12) this.streamsMax = Math.max(this.streamsMax, reader.varint());
      else if (type === 0x1c || type === 0x1d) {
        const code = reader.varint();
        if (type === 0x1c) reader.varint();
        this.closedWith = { code, words: reader.take(reader.varint()).toString() };
      } else skip(type, reader);
    }
  }

  #streamFrame(type: number, reader: Reader): void {
    const seen = this.#seen(reader.varint());
    const offset = (type & 4) === 0 ? 0 : reader.varint();
    const bytes = reader.take((type & 2) === 0 ? reader.left : reader.varint());
    seen.parts.set(offset, Buffer.from(bytes));
    if ((type & 1) !== 0) seen.size = offset + bytes.length;
  }

  #seen(id: number): QuicStreamSeen {
    const seen = this.streams.get(id) ?? {
      parts: new Map(),
      size: null,
      reset: null,
      stopped: null,
    };
    this.streams.set(id, seen);
    return seen;
  }

  /** The handshake, as far as what has come goes (RFC 8446 7.1). */
  #advance(): void {
    const [initial, handshake, app] = this.#spaces;
    const hello = messages(initial.stream())[0];
    if (hello === undefined) return;
    if (this.#shared === null) {
      const publicKey = createPublicKey({
        key: { kty: "OKP", crv: "X25519", x: shareIn(hello).toString("base64url") },
        format: "jwk",
      });
      this.#shared = diffieHellman({ privateKey: this.#key, publicKey });
    }
    const zero = Buffer.alloc(32);
    const early = expand(extract(zero, zero), "derived", { context: hash() });
    const secret = extract(early, this.#shared);
    const context = hash(this.#hello, hello);
    handshake.ours ??= new Keys(expand(secret, "c hs traffic", { context }));
    handshake.theirs ??= new Keys(expand(secret, "s hs traffic", { context }));
    const said = messages(handshake.stream());
    const last = said.findIndex((message) => message[0] === 20);
    if (last < 0 || this.#finished !== null) return;
    this.#limits(said);
    const all = hash(this.#hello, hello, ...said.slice(0, last + 1));
    const master = extract(expand(secret, "derived", { context: hash() }), zero);
    app.ours = new Keys(expand(master, "c ap traffic", { context: all }));
    app.theirs = new Keys(expand(master, "s ap traffic", { context: all }));
    const verify = createHmac("sha256", expand(handshake.ours.secret, "finished")).update(all);
    this.#finished = Buffer.concat([Buffer.of(20, 0, 0, 32), verify.digest()]);
    const frames = Buffer.concat([Buffer.of(6, 0), varint(36), this.#finished]);
    this.#send(this.#sealed(HANDSHAKE, frames));
  }

  /** What the other side lets us do: its transport parameters are in EncryptedExtensions. */
  #limits(said: readonly Buffer[]): void {
    const extensions = said.find((message) => message[0] === 8);
    if (extensions === undefined) return;
    const parameters = extensionIn(extensions.subarray(6), 0x39);
    const reader = new Reader(parameters ?? Buffer.alloc(0));
    while (reader.left > 0) {
      const id = reader.varint();
      const value = reader.take(reader.varint());
      if (id === 8) this.streamsMax = new Reader(value).varint();
    }
  }
}

/** Frames that say nothing to us (RFC 9000 19). */
function skip(type: number, reader: Reader): void {
  if (type === 2 || type === 3) {
    reader.varint();
    reader.varint();
    const ranges = reader.varint();
    for (let i = 0; i < 1 + 2 * ranges + (type === 3 ? 3 : 0); i++) reader.varint();
  } else if (type === 7) reader.take(reader.varint());
  else if (type === 0x11 || type === 0x15) {
    reader.varint();
    reader.varint();
  } else if (type === 0x18) {
    reader.varint();
    reader.varint();
    reader.take(reader.take(1)[0]! + 16);
  } else if (type === 0x1a || type === 0x1b) reader.take(8);
  else if ([0x10, 0x13, 0x14, 0x16, 0x17, 0x19].includes(type)) reader.varint();
  else assert(type <= 1 || type === 0x1e, `A frame that nobody asked for: ${type}`);
}
