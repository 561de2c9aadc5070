import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { assert } from "../../src/base/assert.ts";

// What QUIC needs of TLS 1.3, as a client with one cipher suite (RFC 8446, RFC 9001).

const TAG_BYTES = 16;

/** A variable-length integer (RFC 9000 16). */
export function varint(n: number): Buffer {
  if (n < 64) return Buffer.of(n);
  const bytes = Buffer.alloc(n < 16_384 ? 2 : n < 2 ** 30 ? 4 : 8);
  if (bytes.length === 2) bytes.writeUInt16BE(n | 0x4000);
  else if (bytes.length === 4) bytes.writeUInt32BE((n | 0x80000000) >>> 0);
  else bytes.writeBigUInt64BE(BigInt(n) | 0xc000000000000000n);
  return bytes;
}

/** Reads bytes from the front. */
export class Reader {
  at = 0;
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  get left(): number {
    return this.bytes.length - this.at;
  }
  varint(): number {
    const size = 1 << (this.bytes[this.at]! >> 6);
    const part = Buffer.from(this.take(size));
    part[0]! &= 0x3f;
    return size <= 4 ? part.readUIntBE(0, size) : Number(part.readBigUInt64BE());
  }
  take(count: number): Buffer {
    const part = this.bytes.subarray(this.at, this.at + count);
    this.at += count;
    return part;
  }
}

export const hash = (...parts: readonly Buffer[]) => {
  const all = createHash("sha256");
  for (const part of parts) all.update(part);
  return all.digest();
};
export const extract = (salt: Buffer, key: Buffer) =>
  createHmac("sha256", salt).update(key).digest();

/** HKDF-Expand-Label (RFC 8446 7.1), up to 32 bytes. */
export function expand(
  secret: Buffer,
  label: string,
  o: { context?: Buffer; bytes?: number } = {},
): Buffer {
  const { context = Buffer.alloc(0), bytes = 32 } = o;
  const name = Buffer.from(`tls13 ${label}`);
  const head = Buffer.concat([Buffer.of(0, bytes, name.length), name]);
  const info = Buffer.concat([head, Buffer.of(context.length), context, Buffer.of(1)]);
  return createHmac("sha256", secret).update(info).digest().subarray(0, bytes);
}

/** Keys of one direction at one level. */
export class Keys {
  readonly secret: Buffer;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #hp: Buffer;

  constructor(secret: Buffer) {
    this.secret = secret;
    this.#key = expand(secret, "quic key", { bytes: 16 });
    this.#iv = expand(secret, "quic iv", { bytes: 12 });
    this.#hp = expand(secret, "quic hp", { bytes: 16 });
  }

  mask(sample: Buffer): Buffer {
    return createCipheriv("aes-128-ecb", this.#hp, null).update(sample);
  }

  seal(number: number, head: Buffer, payload: Buffer): Buffer {
    const cipher = createCipheriv("aes-128-gcm", this.#key, this.#nonce(number));
    cipher.setAAD(head);
    return Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  }

  /** Null: it is not for these keys. */
  open(number: number, head: Buffer, sealed: Buffer): Buffer | null {
    try {
      const decipher = createDecipheriv("aes-128-gcm", this.#key, this.#nonce(number));
      decipher.setAAD(head);
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch {
      return null;
    }
  }

  #nonce(number: number): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8);
    return nonce;
  }
}

/** Whole messages of the handshake. */
export function messages(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUIntBE(at + 1, 3);
    if (end > bytes.length) break;
    all.push(bytes.subarray(at, end));
    at = end;
  }
  return all;
}

export function extensionIn(bytes: Buffer, wanted: number): Buffer | null {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (bytes.readUInt16BE(at) === wanted) return bytes.subarray(at + 4, end);
    at = end;
  }
  return null;
}

/** The server's key share (RFC 8446 4.1.3, 4.2.8). */
export function shareIn(hello: Buffer): Buffer {
  const session = hello[4 + 34]!;
  const share = extensionIn(hello.subarray(4 + 34 + 1 + session + 3 + 2), 51);
  assert(share !== null, "The server said its key");
  return share.subarray(4);
}

export function clientHello(o: {
  readonly servername: string;
  readonly share: Buffer;
  readonly scid: Buffer;
}): Buffer {
  const u16 = (n: number) => Buffer.of(n >> 8, n & 255);
  const sized = (bytes: Buffer) => Buffer.concat([u16(bytes.length), bytes]);
  const extension = (type: number, bytes: Buffer) => Buffer.concat([u16(type), sized(bytes)]);
  const parameter = (id: number, value: Buffer) =>
    Buffer.concat([varint(id), varint(value.length), value]);
  const name = Buffer.from(o.servername);
  const large = varint(2 ** 28);
  const parameters = [
    ...[4, 5, 6, 7].map((id) => parameter(id, large)),
    ...[parameter(1, varint(60_000)), parameter(8, varint(100)), parameter(9, varint(100))],
    parameter(0x0f, o.scid),
  ];
  const extensions = Buffer.concat([
    extension(0, sized(Buffer.concat([Buffer.of(0), sized(name)]))),
    extension(10, sized(u16(0x001d))),
    extension(13, sized(Buffer.from("04030804080508060807050306030401", "hex"))),
    extension(16, sized(Buffer.from("\x02h3"))),
    extension(43, Buffer.of(2, 3, 4)),
    extension(45, Buffer.of(1, 1)),
    extension(51, sized(Buffer.concat([u16(0x001d), sized(o.share)]))),
    extension(0x39, Buffer.concat(parameters)),
  ]);
  const body = Buffer.concat([
    ...[Buffer.of(3, 3), randomBytes(32), Buffer.of(0), Buffer.of(0, 2, 0x13, 0x01)],
    ...[Buffer.of(1, 0), sized(extensions)],
  ]);
  const length = Buffer.alloc(3);
  length.writeUIntBE(body.length, 0, 3);
  return Buffer.concat([Buffer.of(1), length, body]);
}
