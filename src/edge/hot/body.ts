/** A body read as far as it may be held: whole, or what came first with the rest still to come. */
export type ReadBody =
  | { readonly kind: "whole"; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: "large";
      readonly first: readonly Uint8Array[];
      readonly rest: ReadableStreamDefaultReader<Uint8Array>;
    };

/** Room for bodies that are being read whole, all together; what finds none is streamed. */
export class Holding {
  #bytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** A body as a stream, or all of it; neither where there is none. */
export interface SomeBody {
  readonly body: ReadableStream<Uint8Array> | null;
  readonly whole?: Uint8Array<ArrayBuffer>;
}

/** Throws what the body throws: ended early, or silent for too long. */
export async function readBody(
  { body, whole }: SomeBody,
  o: {
    readonly wholeBytesMax: number;
    readonly contentLength: number | null;
    readonly count: (bytes: number) => void;
    readonly holding?: Holding;
    /** What is not whole after so long is sent on as it comes: nobody waits for all of it for ever. */
    readonly wholeMs?: number;
  },
): Promise<ReadBody> {
  if (whole !== undefined && whole.byteLength <= o.wholeBytesMax) {
    o.count(whole.byteLength);
    return { kind: "whole", bytes: whole };
  }
  if (whole !== undefined) return readBody({ body: streamOf(whole) }, o);
  if (body === null) return { kind: "whole", bytes: new Uint8Array(0) };
  const rest = body.getReader();
  const first: Uint8Array[] = [];
  let bytes = 0;
  let taken = 0;
  if (o.contentLength !== null && o.contentLength > o.wholeBytesMax) {
    return { kind: "large", first, rest: counted(rest, o.count) };
  }
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = o.wholeMs === undefined ? undefined : setTimeout(() => resolve("late"), o.wholeMs);
  try {
    for (;;) {
      const next = rest.read();
      const said = timer === undefined ? await next : await Promise.race([next, late]);
      if (said === "late") return { kind: "large", first, rest: counted(rest, o.count, next) };
      const { done, value } = said;
      if (done) return { kind: "whole", bytes: join(first, bytes) };
      o.count(value.byteLength);
      first.push(value);
      bytes += value.byteLength;
      const fits = bytes <= o.wholeBytesMax && o.holding?.take(value.byteLength) !== false;
      if (!fits) return { kind: "large", first, rest: counted(rest, o.count) };
      taken = bytes;
    }
  } finally {
    clearTimeout(timer);
    o.holding?.give(taken);
  }
}

/** For what is to be sent on as it comes, though it came at once. */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

export function join(chunks: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** @param next what was asked for already, and has not come */
function counted(
  rest: ReadableStreamDefaultReader<Uint8Array>,
  count: (bytes: number) => void,
  next?: ReturnType<typeof rest.read>,
): ReadableStreamDefaultReader<Uint8Array> {
  let waiting = next;
  return Object.assign(Object.create(rest) as ReadableStreamDefaultReader<Uint8Array>, {
    async read() {
      const part = await (waiting ?? rest.read());
      waiting = undefined;
      if (part.value !== undefined) count(part.value.byteLength);
      return part;
    },
    cancel: (why?: unknown) => rest.cancel(why),
  });
}

/** A body sent on as it comes, at the client's pace, and counted. */
export function passBody(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  o: {
    readonly first: readonly Uint8Array[];
    readonly countOut: (bytes: number) => void;
    /** Called at its end. */
    readonly over?: (() => void) | undefined;
  },
): ReadableStream<Uint8Array> {
  const first = [...o.first];
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const value = first.shift() ?? (await reader.read()).value;
        if (value === undefined) {
          o.over?.();
          return controller.close();
        }
        o.countOut(value.byteLength);
        controller.enqueue(value);
      },
      cancel: (why) => reader.cancel(why),
    },
    { highWaterMark: 0 },
  );
}
