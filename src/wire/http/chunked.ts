/** Digits of a chunk's size: with more it could not be counted exactly. */
const SIZE_DIGITS_MAX = 13;
const EXTENSION_BYTES_MAX = 4_096;
const TRAILER_BYTES_MAX = 16_384;

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

type State =
  | "size"
  | "extension"
  | "size-end"
  | "data"
  | "data-cr"
  | "data-lf"
  | "line"
  | "trailer"
  | "trailer-lf"
  | "last-lf";

/**
 * Takes a chunked body apart (RFC 9112 7.1) as its bytes come. Lines end with CRLF and nothing else;
 * extensions are skipped and trailers dropped, both bounded.
 */
export class ChunkDecoder {
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #skipped = 0;

  /**
   * @param part called with each piece of the body: a view of `bytes`
   * @returns how many bytes were taken once the body has ended, else "more", or "bad" for ever
   */
  push(bytes: Uint8Array, part: (piece: Uint8Array) => void): number | "more" | "bad" {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#size);
        part(bytes.subarray(at, end));
        this.#size -= end - at;
        at = end;
        if (this.#size === 0) this.#state = "data-cr";
        continue;
      }
      const next = this.#step(bytes[at]!);
      at++;
      if (next === "end") return at;
      if (next === "bad") return "bad";
      this.#state = next;
    }
    return "more";
  }

  #step(byte: number): State | "end" | "bad" {
    switch (this.#state) {
      case "size":
        return this.#sizeByte(byte);
      case "extension":
        if (byte === CR) return "size-end";
        return byte === LF || this.#tooMany(EXTENSION_BYTES_MAX) ? "bad" : "extension";
      case "size-end":
        if (byte !== LF) return "bad";
        this.#digits = 0;
        this.#skipped = 0;
        return this.#size === 0 ? "line" : "data";
      case "data-cr":
        return byte === CR ? "data-lf" : "bad";
      case "data-lf":
        return byte === LF ? "size" : "bad";
      case "line":
        if (byte === CR) return "last-lf";
        return byte === LF || this.#tooMany(TRAILER_BYTES_MAX) ? "bad" : "trailer";
      case "trailer":
        if (byte === CR) return "trailer-lf";
        return byte === LF || this.#tooMany(TRAILER_BYTES_MAX) ? "bad" : "trailer";
      case "trailer-lf":
        return byte === LF ? "line" : "bad";
      default:
        return byte === LF ? "end" : "bad";
    }
  }

  #sizeByte(byte: number): State | "bad" {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#size = this.#digits === 0 ? digit : this.#size * 16 + digit;
      return ++this.#digits > SIZE_DIGITS_MAX ? "bad" : "size";
    }
    if (this.#digits === 0) return "bad";
    if (byte === CR) return "size-end";
    return byte === SEMICOLON ? "extension" : "bad";
  }

  #tooMany(most: number): boolean {
    return ++this.#skipped > most;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
