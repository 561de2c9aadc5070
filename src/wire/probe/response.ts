/** How far a response has come. `done` with a status means it is complete or was enough. */
export type ResponseProgress =
  | { readonly state: "more" }
  | { readonly state: "done"; readonly status: number }
  | { readonly state: "broken"; readonly reason: "not http" | "header too large" };

const HEADER_BYTES_MAX = 16_384;
/** Interim answers (RFC 9110 15.2) before the final one: who sends more of them never ends. */
const INTERIM_MAX = 8;
const MORE: ResponseProgress = { state: "more" };

type Framing = "close" | "length" | "chunked";

/**
 * Follows one HTTP/1.x response to its end (RFC 9112 6.3) without understanding more of it than a
 * probe needs: the status and where the body stops. Keeps the body only when asked to. At
 * `bodyBytesMax` the response counts as done: an endless body tells nothing more.
 *
 * @example new ResponseReader({ bodyBytesMax: 0 }).push(bytes).state
 */
export class ResponseReader {
  readonly #bodyBytesMax: number;
  readonly #bodiless: boolean;
  readonly #keep: Uint8Array[] | null;
  #head = "";
  #fields = "";
  #status = 0;
  #interim = 0;
  #framing: Framing = "close";
  #left = 0;
  #bodyBytes = 0;
  #tail = "";
  #inBody = false;
  #cut = false;

  /** `bodiless`: the answer to HEAD, which ends with its header whatever that says. */
  constructor(options: {
    readonly bodyBytesMax: number;
    readonly keepBody?: boolean;
    readonly bodiless?: boolean;
  }) {
    this.#bodiless = options.bodiless === true;
    this.#bodyBytesMax = options.bodyBytesMax;
    this.#keep = options.keepBody === true ? [] : null;
  }

  /** 0 until the header of the final response is complete. */
  get status(): number {
    return this.#status;
  }

  /** True when the body was longer than allowed and the rest is missing. */
  get cut(): boolean {
    return this.#cut;
  }

  /** A field of the final response's header, the first of its name; null when there is none. */
  field(name: string): string | null {
    const at = this.#fields.toLowerCase().indexOf(`\r\n${name.toLowerCase()}:`);
    if (at === -1) return null;
    const start = at + name.length + 3;
    const end = this.#fields.indexOf("\r\n", start);
    return this.#fields.slice(start, end === -1 ? undefined : end).trim();
  }

  push(bytes: Uint8Array): ResponseProgress {
    if (this.#inBody) return this.#body(bytes);
    // Latin-1, so that one character is one byte and the split below is exact.
    let text = "";
    const room = HEADER_BYTES_MAX + 4 - this.#head.length;
    for (const byte of bytes.subarray(0, room)) text += String.fromCharCode(byte);
    const before = this.#head.length;
    this.#head += text;
    return this.#header(bytes, before);
  }

  /** The peer closed: complete if the body ends with the connection. */
  end(): ResponseProgress {
    if (!this.#inBody) return { state: "broken", reason: "not http" };
    if (this.#framing === "close") return { state: "done", status: this.#status };
    return { state: "broken", reason: "not http" };
  }

  /** The body kept, as text; chunk sizes are taken out. Empty unless it was asked for. */
  bodyText(): string {
    const bytes = joined(this.#keep ?? []);
    const plain = this.#framing === "chunked" ? dechunked(bytes) : bytes;
    return new TextDecoder().decode(plain);
  }

  #header(bytes: Uint8Array, before: number): ResponseProgress {
    const start = "HTTP/1.";
    if (!this.#head.startsWith(start.slice(0, Math.min(start.length, this.#head.length)))) {
      return { state: "broken", reason: "not http" };
    }
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1) {
      if (this.#head.length < HEADER_BYTES_MAX) return MORE;
      return { state: "broken", reason: "header too large" };
    }
    const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?(?:\r\n|$)/.exec(this.#head)?.[1];
    if (status === undefined) return { state: "broken", reason: "not http" };
    const head = this.#head.slice(0, end);
    const rest = bytes.subarray(end + 4 - before);
    if (status.startsWith("1")) {
      this.#head = "";
      if (status === "101" || ++this.#interim > INTERIM_MAX) {
        return { state: "broken", reason: "not http" };
      }
      return rest.length === 0 ? MORE : this.push(rest);
    }
    this.#status = Number(status);
    if (!this.#frame(head)) return { state: "broken", reason: "not http" };
    this.#inBody = true;
    this.#fields = head;
    this.#head = "";
    const empty = this.#bodiless || this.#status === 204 || this.#status === 304;
    if (empty || (this.#framing === "length" && this.#left === 0)) return this.#done();
    return rest.length === 0 ? MORE : this.#body(rest);
  }

  #frame(head: string): boolean {
    const coding = /\r\ntransfer-encoding[ \t]*:[ \t]*([^\r\n]*)/i.exec(head)?.[1];
    if (coding !== undefined) {
      this.#framing = /(^|,)[ \t]*chunked[ \t]*$/i.test(coding) ? "chunked" : "close";
      return true;
    }
    const length = /\r\ncontent-length[ \t]*:[ \t]*([^\r\n]*)/i.exec(head)?.[1]?.trim();
    if (length === undefined) return true;
    if (!/^\d{1,15}$/.test(length)) return false;
    this.#framing = "length";
    this.#left = Number(length);
    return true;
  }

  #body(bytes: Uint8Array): ResponseProgress {
    const room = Math.max(0, this.#bodyBytesMax - this.#bodyBytes);
    this.#bodyBytes += bytes.length;
    if (this.#keep !== null && room > 0) this.#keep.push(bytes.slice(0, room));
    if (this.#framing === "length") {
      this.#left -= bytes.length;
      if (this.#left <= 0) return this.#done();
    } else if (this.#framing === "chunked") {
      // The last chunk ends the body; looking at the last bytes is enough for a probe.
      let text = this.#tail;
      for (const byte of bytes.subarray(-7)) text += String.fromCharCode(byte);
      this.#tail = text.slice(-7);
      if (/(^|\r\n)0\r\n\r\n$/.test(this.#tail)) return this.#done();
    }
    if (this.#bodyBytes < this.#bodyBytesMax) return MORE;
    this.#cut = true;
    return this.#done();
  }

  #done(): ResponseProgress {
    return { state: "done", status: this.#status };
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Takes the chunk sizes out (RFC 9112 7.1); stops at the first that makes no sense. */
function dechunked(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const newline = bytes.indexOf(10, at);
    if (newline === -1 || newline - at > 1024) break;
    let line = "";
    for (const byte of bytes.subarray(at, newline)) line += String.fromCharCode(byte);
    const size = /^([0-9a-f]{1,8})[ \t]*(;|\r?$)/i.exec(line)?.[1];
    const length = size === undefined ? 0 : Number.parseInt(size, 16);
    if (length === 0) break;
    parts.push(bytes.subarray(newline + 1, newline + 1 + length));
    at = newline + 1 + length + 2;
  }
  return joined(parts);
}
