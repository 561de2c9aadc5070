import { connect, type TLSSocket } from "node:tls";

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

/** A frame, whatever it says (RFC 9113 4.1). */
export function frame(
  type: number,
  o: { readonly flags?: number; readonly stream?: number; readonly payload?: Buffer } = {},
): Buffer {
  const payload = o.payload ?? Buffer.alloc(0);
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = o.flags ?? 0;
  head.writeUInt32BE(o.stream ?? 0, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as literals that are not indexed and not Huffman-coded (RFC 7541 6.2.2), byte for byte. */
export function fieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    parts.push(Buffer.of(0), text(name), text(value));
  }
  return Buffer.concat(parts);
}

function text(words: string): Buffer {
  const bytes = Buffer.from(words, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** No dynamic table: each answer's `:status` stands in its own block. */
const NO_TABLE = Buffer.from([0, 1, 0, 0, 0, 0]);

/** One HTTP/2 connection over TLS on which anything can be said. */
export class RawHttp2 {
  readonly frames: Frame[] = [];
  readonly socket: TLSSocket;
  closed = false;
  onFrame: (frame: Frame) => void = () => {};
  #kept: Buffer = Buffer.alloc(0);

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  static open(at: { readonly address: string; readonly port: number }): Promise<RawHttp2> {
    const { promise, resolve, reject } = Promise.withResolvers<RawHttp2>();
    const socket = connect(
      { host: at.address, port: at.port, ALPNProtocols: ["h2"], rejectUnauthorized: false },
      () => {
        const opened = new RawHttp2(socket);
        socket.off("error", reject);
        opened.send(PREFACE, frame(FRAME.settings, { payload: NO_TABLE }));
        resolve(opened);
      },
    );
    socket.on("error", reject);
    return promise;
  }

  send(...bytes: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** Resolves once `holds`, or the connection is closed, or the time is over: says which. */
  async until(holds: () => boolean, patienceMs = 10_000): Promise<"held" | "closed" | "late"> {
    const end = performance.now() + patienceMs;
    for (;;) {
      if (holds()) return "held";
      if (this.closed) return "closed";
      if (performance.now() > end) return "late";
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** The status that a stream was answered with; null for none yet. */
  status(stream: number): number | null {
    const head = this.frames.find((f) => f.type === FRAME.headers && f.stream === stream);
    return head === undefined ? null : statusOf(head.payload);
  }

  body(stream: number): Buffer {
    const data = this.frames.filter((f) => f.type === FRAME.data && f.stream === stream);
    return Buffer.concat(data.map((f) => f.payload));
  }

  has(type: number, stream?: number): boolean {
    return this.frames.some((f) => f.type === type && (stream ?? f.stream) === f.stream);
  }

  /** Answered whole, reset, or told to go away. */
  ended(stream: number): boolean {
    return (
      this.has(FRAME.goaway) ||
      this.has(FRAME.reset, stream) ||
      this.frames.some((f) => f.stream === stream && f.type <= 1 && (f.flags & END_STREAM) !== 0)
    );
  }

  close(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]);
    while (this.#kept.length >= 9) {
      const length = this.#kept.readUIntBE(0, 3);
      if (this.#kept.length < 9 + length) return;
      const got: Frame = {
        type: this.#kept[3]!,
        flags: this.#kept[4]!,
        stream: this.#kept.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(this.#kept.subarray(9, 9 + length)),
      };
      this.#kept = this.#kept.subarray(9 + length);
      this.frames.push(got);
      this.onFrame(got);
    }
  }
}

const INDEXED = new Map([
  ...([200, 204, 206, 304, 400, 404, 500] as const).map((status, i) => [0x88 + i, status] as const),
]);

/** `:status`, the first field of an answer, indexed or literal (RFC 7541 6). */
function statusOf(block: Buffer): number | null {
  let at = 0;
  while ((block[at]! & 0xe0) === 0x20) at++;
  const first = block[at]!;
  const indexed = INDEXED.get(first);
  if (indexed !== undefined) return indexed;
  const length = block[at + 1]!;
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? value.toString("latin1") : huffmanDigits(value));
}

/** Digits in the Huffman code of RFC 7541 Appendix B: 0-2 have five bits, 3-9 six. */
export function huffmanDigits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let said = "";
  for (let at = 0; at + 5 <= bits.length && said.length < 3; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five <= 2) said += five;
    else said += Number.parseInt(bits.slice(at, at + 6), 2) - 0b011001 + 3;
    at += five <= 2 ? 5 : 6;
  }
  return said;
}
