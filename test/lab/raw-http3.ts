import { Reader, varint } from "./quic-tls.ts";
import { huffmanDigits } from "./raw-http2.ts";
import { RawQuic } from "./raw-quic.ts";

export const H3 = { data: 0, headers: 1, settings: 4, goaway: 7 } as const;

/** A frame of HTTP/3, whatever it says (RFC 9114 7.1). */
export function h3Frame(type: number, payload: Buffer): Buffer {
  return Buffer.concat([varint(type), varint(payload.length), payload]);
}

/** Fields as literals with literal names, byte for byte (RFC 9204 4.5.6); no table is used. */
export function qpack(fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.map(([name, value]) => [integer(3, 0x20, name), integer(7, 0x00, value)]);
  return Buffer.concat([Buffer.of(0, 0), ...parts.flat()]);
}

/** Its length with a prefix of so many bits, and the text. */
function integer(bits: number, flags: number, text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([prefixed(bits, flags, bytes.length), bytes]);
}

/** An integer with a prefix of so many bits (RFC 7541 5.1). */
export function prefixed(bits: number, flags: number, value: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.of(flags | value);
  const bytes = [flags | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** Of the static table, where an answer's status is one entry (RFC 9204 A). */
const STATUS = new Map([
  ...([103, 200, 304, 404, 503] as const).map((status, i) => [24 + i, status] as const),
  ...([100, 204, 206, 302, 400, 403, 421, 425, 500] as const).map((s, i) => [63 + i, s] as const),
]);

/** One HTTP/3 connection on which anything can be said. */
export class RawHttp3 {
  readonly quic: RawQuic;
  #streams = 0;

  private constructor(quic: RawQuic) {
    this.quic = quic;
  }

  /** @param settings payload of the SETTINGS frame */
  static async open(
    o: { readonly address: string; readonly port: number; readonly servername: string },
    settings = Buffer.alloc(0),
  ): Promise<RawHttp3> {
    const quic = await RawQuic.open(o);
    quic.send(
      RawQuic.stream(2, Buffer.concat([Buffer.of(0), h3Frame(H3.settings, settings)])),
      RawQuic.stream(6, Buffer.of(2)),
      RawQuic.stream(10, Buffer.of(3)),
    );
    return new RawHttp3(quic);
  }

  /** The next stream of a request. */
  next(): number {
    return 4 * this.#streams++;
  }

  /** Sends a request; what does not fit in one packet goes in several. */
  ask(fields: readonly (readonly [string, string])[], body?: Buffer): number {
    const head = h3Frame(H3.headers, qpack(fields));
    return this.write(body === undefined ? head : Buffer.concat([head, h3Frame(H3.data, body)]));
  }

  /** All of a stream, as it is. */
  write(bytes: Buffer, o: { readonly fin?: boolean } = {}): number {
    const id = this.next();
    for (let at = 0; at === 0 || at < bytes.length; at += 1_000) {
      const part = bytes.subarray(at, at + 1_000);
      const fin = o.fin !== false && at + 1_000 >= bytes.length;
      this.quic.send(RawQuic.stream(id, part, { offset: at, fin }));
    }
    return id;
  }

  /** The status that a stream was answered with; null for none yet. */
  status(id: number): number | null {
    const reader = new Reader(this.quic.body(id));
    while (reader.left > 1) {
      const type = reader.varint();
      const payload = reader.take(reader.varint());
      if (type === H3.headers) return statusIn(payload);
    }
    return null;
  }

  /** `reset`, `closed`, `late`, or the status. */
  async answer(id: number, patienceMs = 10_000): Promise<number | "reset" | "closed" | "late"> {
    const how = await this.quic.until(() => this.quic.ended(id), patienceMs);
    const status = this.status(id);
    if (status !== null) return status;
    if (this.quic.closedWith !== null) return "closed";
    const seen = this.quic.streams.get(id);
    if (seen?.reset != null || (how === "late" && seen?.stopped != null)) return "reset";
    return how === "held" ? "reset" : "late";
  }

  close(): void {
    this.quic.close();
  }
}

/** `:status`, the first field: an entry of the static table, or a literal with its name (RFC 9204 4.5). */
function statusIn(block: Buffer): number | null {
  const first = block[2] ?? 0;
  if ((first & 0xc0) === 0xc0) {
    const index = first & 0x3f;
    return STATUS.get(index < 63 ? index : 63 + (block[3] ?? 0)) ?? null;
  }
  // A literal whose name is in the static table: its index goes before.
  const at = (first & 0x0f) < 15 ? 3 : 4;
  const length = block[at] ?? 0;
  const value = block.subarray(at + 1, at + 1 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? value.toString("latin1") : huffmanDigits(value));
}
