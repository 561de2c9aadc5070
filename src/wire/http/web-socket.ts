/** RFC 6455 5.2. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What ends a connection of which the other side said something that it may not say. */
export const CLOSE = { protocol: 1002, notText: 1007, tooLarge: 1009 } as const;
/** Codes that are never sent: none was given, and no close came at all (RFC 6455 7.4.1). */
export const NO_CODE = 1005;
export const NO_CLOSE = 1006;

const CONTROL_BYTES_MAX = 125;
const FIN = 0x80;
const MASKED = 0x80;

export interface FrameEvents {
  /** The bytes are nobody else's from then on. */
  message(bytes: Uint8Array<ArrayBuffer>, isText: boolean): void;
  ping(bytes: Uint8Array<ArrayBuffer>): void;
  pong(): void;
  /** The last that is read. `NO_CODE`: none was given. */
  close(code: number, reason: string): void;
  /** Nothing more is read; the code says why. */
  fault(code: number): void;
}

/**
 * Reads what a server sends on a WebSocket (RFC 6455 5): whole messages of at most so many bytes, and
 * never holds more than that, however they are cut into frames. Nothing compressed is taken: no extension
 * was asked for.
 */
export class FrameReader {
  readonly #messageBytesMax: number;
  readonly #events: FrameEvents;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #head = new Uint8Array(10);
  #headBytes = 0;
  /** Of the frame that is being read: 0 to 15, or -1 while its head is. */
  #opcode = -1;
  #fin = false;
  #left = 0;
  /** The message that the frames are of; null between messages. */
  #kind: "text" | "binary" | null = null;
  #message = new Uint8Array(0);
  #messageBytes = 0;
  readonly #control = new Uint8Array(CONTROL_BYTES_MAX);
  #controlBytes = 0;
  #over = false;

  constructor(o: { readonly messageBytesMax: number; readonly events: FrameEvents }) {
    this.#messageBytesMax = o.messageBytesMax;
    this.#events = o.events;
  }

  /** Of a message whose end is yet to come. */
  get heldBytes(): number {
    return this.#message.length;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (!this.#over && (at < bytes.length || (this.#opcode >= 0 && this.#left === 0))) {
      if (this.#opcode < 0) {
        this.#head[this.#headBytes++] = bytes[at++]!;
        this.#readHead();
        continue;
      }
      const part = bytes.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      if (this.#opcode >= OPCODE.close) {
        this.#control.set(part, this.#controlBytes);
        this.#controlBytes += part.length;
      } else this.#append(part);
      if (this.#left === 0) this.#endOfFrame();
    }
  }

  #readHead(): void {
    const head = this.#head;
    if (this.#headBytes < 2) return;
    const short = head[1]! & 0x7f;
    if (this.#headBytes < (short === 127 ? 10 : short === 126 ? 4 : 2)) {
      // What no length makes right need not be waited for.
      if (this.#headBytes === 2 && !this.#isAllowed(short)) this.#fault(CLOSE.protocol);
      return;
    }
    let length = short;
    if (short > CONTROL_BYTES_MAX) {
      length = 0;
      for (let i = 2; i < this.#headBytes; i++) length = length * 256 + head[i]!;
    }
    // As short as it can be written (RFC 6455 5.2).
    const minimal = short === 126 ? length > 125 : short !== 127 || length > 65_535;
    if (!minimal || !this.#isAllowed(short)) return void this.#fault(CLOSE.protocol);
    this.#headBytes = 0;
    this.#fin = (head[0]! & FIN) !== 0;
    this.#opcode = head[0]! & 0x0f;
    this.#left = length;
    this.#controlBytes = 0;
    if (this.#opcode >= OPCODE.close) return;
    if (this.#messageBytes + length > this.#messageBytesMax)
      return void this.#fault(CLOSE.tooLarge);
    if (this.#opcode === OPCODE.continuation) return;
    this.#kind = this.#opcode === OPCODE.text ? "text" : "binary";
  }

  /** May a frame with this first octet come now, and with a length so written? */
  #isAllowed(short: number): boolean {
    const first = this.#head[0]!;
    // An extension's bits, or a mask: servers use none (RFC 6455 5.1, 5.2).
    if ((first & 0x70) !== 0 || (this.#head[1]! & MASKED) !== 0) return false;
    const opcode = first & 0x0f;
    if (opcode === OPCODE.continuation) return this.#kind !== null;
    if (opcode === OPCODE.text || opcode === OPCODE.binary) return this.#kind === null;
    if (opcode < OPCODE.close || opcode > OPCODE.pong) return false;
    return (first & FIN) !== 0 && short <= CONTROL_BYTES_MAX;
  }

  #append(part: Uint8Array): void {
    const needed = this.#messageBytes + part.length;
    if (needed > this.#message.length) {
      const room = Math.min(this.#messageBytesMax, Math.max(needed, 2 * this.#message.length));
      const more = new Uint8Array(room);
      more.set(this.#message.subarray(0, this.#messageBytes));
      this.#message = more;
    }
    this.#message.set(part, this.#messageBytes);
    this.#messageBytes = needed;
  }

  #endOfFrame(): void {
    const opcode = this.#opcode;
    this.#opcode = -1;
    if (opcode >= OPCODE.close) return void this.#endOfControl(opcode);
    if (!this.#fin) return;
    const whole = this.#messageBytes === this.#message.length;
    const bytes = whole ? this.#message : this.#message.slice(0, this.#messageBytes);
    const isText = this.#kind === "text";
    this.#kind = null;
    this.#message = new Uint8Array(0);
    this.#messageBytes = 0;
    if (isText && this.#textOf(bytes) === null) return void this.#fault(CLOSE.notText);
    this.#events.message(bytes, isText);
  }

  #endOfControl(opcode: number): void {
    const bytes = this.#control.slice(0, this.#controlBytes);
    if (opcode === OPCODE.ping) return void this.#events.ping(bytes);
    if (opcode === OPCODE.pong) return void this.#events.pong();
    if (bytes.length === 0) return void this.#closed(NO_CODE, "");
    const code = bytes[0]! * 256 + (bytes[1] ?? 0);
    if (bytes.length === 1 || !maySend(code)) return void this.#fault(CLOSE.protocol);
    const reason = this.#textOf(bytes.subarray(2));
    if (reason === null) return void this.#fault(CLOSE.notText);
    this.#closed(code, reason);
  }

  #textOf(bytes: Uint8Array): string | null {
    try {
      return this.#utf8.decode(bytes);
    } catch {
      return null;
    }
  }

  #closed(code: number, reason: string): void {
    this.#over = true;
    this.#events.close(code, reason);
  }

  #fault(code: number): void {
    this.#over = true;
    this.#events.fault(code);
  }
}

/** May this code stand in a close frame (RFC 6455 7.4, and IANA's registry)? */
export function maySend(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_CODE && code !== NO_CLOSE;
}

/**
 * One frame as a client sends it, masked (RFC 6455 5.3).
 *
 * @param mask 4 random bytes, others for each frame
 */
export function writeFrame(
  opcode: number,
  payload: Uint8Array,
  mask: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const extra = length <= CONTROL_BYTES_MAX ? 0 : length <= 65_535 ? 2 : 8;
  const frame = new Uint8Array(2 + extra + 4 + length);
  frame[0] = FIN | opcode;
  frame[1] = MASKED | (extra === 0 ? length : extra === 2 ? 126 : 127);
  let rest = length;
  for (let i = 1 + extra; i > 1; i--) {
    frame[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  const start = 2 + extra + 4;
  frame.set(mask.subarray(0, 4), start - 4);
  for (let i = 0; i < length; i++) frame[start + i] = payload[i]! ^ mask[i & 3]!;
  return frame;
}

/** The payload of a close frame; a reason that is too long is cut, between characters. */
export function closePayload(code: number, reason: string): Uint8Array<ArrayBuffer> {
  if (!maySend(code)) return new Uint8Array(0);
  const payload = new Uint8Array(CONTROL_BYTES_MAX);
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  payload[0] = code >> 8;
  payload[1] = code & 255;
  return payload.slice(0, 2 + written);
}
