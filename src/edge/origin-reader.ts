import {
  ChunkDecoder,
  FIELDS_MAX,
  parseResponseHead,
  type ResponseHead,
} from "../wire/http/mod.ts";

/** All heads of one response together, interim ones too. */
const HEAD_BYTES_MAX = 65_536;
/** Of what another process of this node sends on: a web server's, and what is said of it here. */
const SENT_ON_HEAD_BYTES_MAX = 2 * HEAD_BYTES_MAX;
const SENT_ON_FIELDS_MAX = 2 * FIELDS_MAX;
const INTERIM_MAX = 16;
/** Chunks from this size on are given as they are. */
const LARGE_CHUNK_BYTES = 4_096;
const END_OF_HEAD = Buffer.from("\r\n\r\n");

export interface ReaderEvents {
  /** The final head, and whether no body follows. */
  head(head: ResponseHead, bodiless: boolean): void;
  part(bytes: Uint8Array): void;
  /** `clean`: the connection stands at the start of a next response. */
  end(clean: boolean): void;
  fault(why: string): void;
}

/**
 * Reads one response from what a connection gives, and nothing beyond it. Bytes after its end spoil the
 * connection (RFC 9112 6.3), and the response too when they are another one (threats H5).
 */
export class ResponseReader {
  readonly #method: string;
  readonly #events: ReaderEvents;
  readonly #headBytesMax: number;
  readonly #fieldsMax: number;
  #state: "head" | "length" | "chunked" | "close" | "over" = "head";
  #kept: Buffer = Buffer.alloc(0);
  #headBytes = 0;
  #interim = 0;
  #left = 0;
  #keeps = false;
  readonly #chunks = new ChunkDecoder();

  /** @param o of the request; with port 0 it goes to a process of this node */
  constructor(o: { readonly method: string; readonly port: number }, events: ReaderEvents) {
    this.#method = o.method;
    this.#events = events;
    this.#headBytesMax = o.port === 0 ? SENT_ON_HEAD_BYTES_MAX : HEAD_BYTES_MAX;
    this.#fieldsMax = o.port === 0 ? SENT_ON_FIELDS_MAX : FIELDS_MAX;
  }

  push(bytes: Buffer): void {
    let rest: Buffer | null = bytes;
    while (rest !== null && this.#state === "head") rest = this.#head(rest);
    if (rest === null || rest.length === 0) return;
    if (this.#state === "length") this.#length(rest);
    else if (this.#state === "chunked") this.#chunked(rest);
    else if (this.#state === "close") this.#events.part(rest);
  }

  /**
   * The connection has ended; where it was broken off, so was a body that only its end would end
   * (RFC 9112 8).
   */
  close(ended: boolean): void {
    if (this.#state === "over") return;
    if (this.#state === "close" && ended) this.#over(false);
    else this.#fail("the connection ended before the response did");
  }

  /** Null: more is needed, or it is over. */
  #head(bytes: Buffer): Buffer | null {
    const all = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const from = Math.max(0, this.#kept.length - 3);
    const end = all.indexOf(END_OF_HEAD, from);
    if (this.#headBytes + (end < 0 ? all.length : end) > this.#headBytesMax) {
      return this.#fail("a head that is too long");
    }
    if (end < 0) {
      this.#kept = all;
      return null;
    }
    this.#kept = Buffer.alloc(0);
    this.#headBytes += end + 4;
    const head = parseResponseHead(all.toString("latin1", 0, end), this.#fieldsMax);
    if ("fault" in head) return this.#fail(head.fault);
    const rest = all.subarray(end + 4);
    if (head.status < 200) {
      if (head.status === 101 || ++this.#interim > INTERIM_MAX)
        return this.#fail("interim answers");
      return rest;
    }
    this.#start(head, rest);
    return rest;
  }

  #start(head: ResponseHead, rest: Buffer): void {
    const { framing, status } = head;
    const empty = framing.kind === "length" && framing.bytes === 0;
    const bodiless = this.#method === "HEAD" || status === 204 || status === 304;
    if (empty && !bodiless && isResponse(rest)) return void this.#finish(rest);
    this.#keeps = head.keeps;
    this.#state = framing.kind;
    this.#left = framing.kind === "length" ? framing.bytes : 0;
    this.#events.head(head, bodiless || empty);
    if (bodiless) this.#over(rest.length === 0);
    else if (empty) this.#finish(rest);
  }

  #length(bytes: Buffer): void {
    const own = bytes.subarray(0, this.#left);
    this.#events.part(own);
    this.#left -= own.length;
    if (this.#left === 0) this.#finish(bytes.subarray(own.length));
  }

  /** Small chunks are moved together in place: a body of many takes no more memory than one of few. */
  #chunked(bytes: Buffer): void {
    let from = 0;
    let to = 0;
    const give = () => {
      if (to > from) this.#events.part(trimmed(bytes, from, to));
      to = from;
    };
    const said = this.#chunks.push(bytes, (piece) => {
      const at = piece.byteOffset - bytes.byteOffset;
      if (piece.length >= LARGE_CHUNK_BYTES) {
        give();
        this.#events.part(piece);
        return;
      }
      if (to > from) bytes.copyWithin(to, at, at + piece.length);
      else {
        from = at;
        to = at;
      }
      to += piece.length;
    });
    give();
    if (said === "bad") this.#fail("a chunk that is not valid");
    else if (said !== "more") this.#finish(bytes.subarray(said));
  }

  /** A second answer to one question: one of the two is meant for somebody else's. */
  #finish(excess: Buffer): void {
    if (isResponse(excess)) this.#fail("two responses to one request");
    else this.#over(excess.length === 0);
  }

  #over(clean: boolean): void {
    this.#state = "over";
    this.#events.end(clean && this.#keeps);
  }

  #fail(why: string): null {
    this.#state = "over";
    this.#events.fault(why);
    return null;
  }
}

/** A part that does not keep what came around it, where that is the most of it. */
function trimmed(bytes: Buffer, from: number, to: number): Uint8Array {
  const part = bytes.subarray(from, to);
  return 2 * part.length < bytes.length ? new Uint8Array(part) : part;
}

const RESPONSE = "HTTP/1.";

function isResponse(excess: Buffer): boolean {
  return excess.length > 0 && RESPONSE.startsWith(excess.toString("latin1", 0, RESPONSE.length));
}
