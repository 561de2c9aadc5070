import { type Refusal, refusals } from "./refuse.ts";

/** What a request brings for its origin. */
export interface RequestBody {
  /** Small ones whole, so that they can be sent again; larger ones as they come. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  /** Its length where it comes as a stream and that is known. */
  readonly bodyBytes: number | null;
}

/** Read before any origin hears of the request: what turns out not to be valid reaches none. */
const WHOLE_BYTES_MAX = 65_536;
/** A client that sends less than this in so long is cut off (threats H17). */
const PACE_MS = 12_000;
const PACE_BYTES = 1_024;

const NOTHING: RequestBody = { body: null, bodyBytes: null };

/** @param alive called whenever a part of it came */
export async function readRequestBody(
  request: Request,
  alive: () => void = () => {},
): Promise<RequestBody | Refusal> {
  if (request.method === "GET" || request.method === "HEAD" || request.body === null) {
    return NOTHING;
  }
  const reader = new PacedReader(request.body.getReader(), alive);
  const told = lengthOf(request.headers.get("content-length"));
  const first: Uint8Array[] = [];
  let bytes = 0;
  try {
    while (bytes <= WHOLE_BYTES_MAX) {
      const { done, value } = await reader.read();
      if (done) {
        reader.stop();
        // Over HTTP/3 the listener takes whatever length for an end (RFC 9114 4.1.2).
        if (told !== null && told !== bytes) return refusals.badBody;
        return { body: joined(first, bytes), bodyBytes: null };
      }
      first.push(value);
      bytes += value.byteLength;
    }
  } catch {
    reader.stop();
    return reader.late ? refusals.slowBody : refusals.badBody;
  }
  return { body: rest(reader, first), bodyBytes: told };
}

/** One said several times is one (RFC 9110 8.6); NaN for what is no length, null for none. */
function lengthOf(field: string | null): number | null {
  if (field === null) return null;
  const told = new Set(field.split(",").map(Number));
  return told.size === 1 ? Math.max(...told) : Number.NaN;
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function rest(reader: PacedReader, first: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const part = first.shift();
        if (part !== undefined) return controller.enqueue(part);
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
        } catch (cause) {
          reader.stop();
          throw cause;
        }
        reader.stop();
        controller.close();
      },
      cancel: () => reader.stop(),
    },
    { highWaterMark: 0 },
  );
}

/** Reads a client's body; what has to wait for too little fails. Only waiting counts as time. */
class PacedReader {
  late = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #alive: () => void;
  #bytes = 0;
  #waitedMs = 0;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, alive: () => void) {
    this.#reader = reader;
    this.#alive = alive;
  }

  async read(): Promise<
    { readonly done: true; readonly value: undefined } | { readonly done: false; value: Uint8Array }
  > {
    const beganMs = performance.now();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => {
        this.late = true;
        reject(new Error("The client is too slow"));
      },
      Math.max(1, PACE_MS - this.#waitedMs),
    );
    try {
      const { done, value } = await Promise.race([this.#reader.read(), late]);
      if (done || value === undefined) return { done: true, value: undefined };
      this.#alive();
      this.#waitedMs += performance.now() - beganMs;
      this.#bytes += value.byteLength;
      if (this.#bytes >= PACE_BYTES) {
        this.#bytes = 0;
        this.#waitedMs = 0;
      }
      return { done: false, value };
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    this.#reader.cancel().catch(() => {});
  }
}
