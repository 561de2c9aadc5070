import { Fault } from "../base/fault.ts";
import type { FaultCode } from "../base/fault-codes.ts";
import { connectionOptions, isHopByHop, type ResponseHead, TIER_FIELD } from "../wire/http/mod.ts";
import { ORCA_BINARY_FIELD, ORCA_FIELD } from "../wire/probe/mod.ts";
import type { Fields } from "./cache/mod.ts";
import type { OriginRequest, OriginResponse } from "./hot/origin.ts";
import type { OriginConnection } from "./origin-connection.ts";
import { ResponseReader } from "./origin-reader.ts";
import { type Written, writeRequest } from "./origin-writer.ts";

/** A body's bytes that wait for the client: above the first the origin is held up, until the second. */
const WAITING_BYTES_MAX = 262_144;
const WAITING_BYTES_LOW = 65_536;
/**
 * What nobody has read any of for so many times of silence is given up: longer than any player is paused,
 * so that whoever forgets a body keeps no place with its origin for good.
 */
const UNREAD_SILENCES = 60;
/** An origin that gives less than this within the time of silence is as good as silent. */
const NEWS_BYTES_MIN = 256;
/** Kept from clients. */
const FOR_CACHES: ReadonlySet<string> = new Set([...[ORCA_FIELD, ORCA_BINARY_FIELD, TIER_FIELD]]);
const EVENTS = /^text\/event-stream/i;

/**
 * Sends a request on a connection and resolves with the head of its answer, whose body then comes at
 * the reader's pace. `over` is called once there is nothing more to come; `clean`: the connection can
 * be used again. Throws Fault; its detail is "gone" when the connection ended before a first byte.
 */
export function exchange(
  connection: OriginConnection,
  written: Written,
  over: (clean: boolean) => void,
): Promise<OriginResponse> {
  return new Exchange(connection, written, over).answer;
}

class Exchange {
  readonly answer: Promise<OriginResponse>;
  readonly #connection: OriginConnection;
  readonly #request: OriginRequest;
  readonly #written: Written;
  readonly #over: (clean: boolean) => void;
  readonly #resolve: (response: OriginResponse) => void;
  readonly #reject: (fault: Fault) => void;
  readonly #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #paused = false;
  /** When a part was read last, or the origin was held up. */
  #readMs = 0;
  #done: "no" | "yes" | Fault = "no";
  #wake: () => void = () => {};
  #drained: () => void = () => {};
  #stopSending: () => void = () => {};
  #came: { readonly head: ResponseHead; readonly bodiless: boolean } | null = null;
  #answered = false;
  #sent = false;
  #heard = false;
  /** Bytes since the deadline was last moved, and how many move it. */
  #news = 0;
  #newsMin = NEWS_BYTES_MIN;
  #dueMs = 0;
  #timer: Timer | null = null;

  constructor(connection: OriginConnection, written: Written, over: (clean: boolean) => void) {
    const { request } = written;
    this.#connection = connection;
    this.#request = request;
    this.#written = written;
    this.#over = over;
    const { promise, resolve, reject } = Promise.withResolvers<OriginResponse>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    const reader = new ResponseReader(request, {
      head: (head, bodiless) => this.#head(head, bodiless),
      part: (bytes) => this.#part(bytes),
      end: (clean) => this.#end(clean && this.#sent),
      fault: (why) => this.#fail("origin-broken", why),
    });
    connection.user = {
      data: (bytes) => {
        this.#heard = true;
        reader.push(bytes);
        this.#settle();
        this.#news += bytes.length;
        if (!this.#answered || this.#news < this.#newsMin) return;
        this.#news = 0;
        this.#expect(request.silentMs);
      },
      drain: () => this.#drained(),
      close: (ended) => {
        if (!this.#heard && connection.reused) this.#fail("origin-broken", "gone");
        else reader.close(ended);
        this.#settle();
      },
    };
    this.#expect(request.headMs);
    request.signal?.addEventListener("abort", this.#giveUp, { once: true });
    if (request.signal?.aborted === true) this.#giveUp();
    else void this.#send();
  }

  /** Nobody waits for the head any more: whatever comes is for nobody, so the connection ends. */
  readonly #giveUp = () => {
    if (!this.#answered) this.#fail("origin-broken", "given up");
  };

  async #send(): Promise<void> {
    const { body } = this.#request;
    const fault = await writeRequest(this.#written, {
      write: (bytes) => this.#connection.write(bytes),
      drained: () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#drained = resolve;
        return promise;
      },
      // While the client's body comes, it is the client that has to be in time.
      progress: () => this.#expect(this.#request.silentMs),
      wanted: () => this.#done === "no",
      onOver: (stop) => {
        this.#stopSending = stop;
      },
    });
    if (fault !== null) return this.#fail("bad-input", fault);
    this.#sent = true;
    if (body !== null && !this.#answered) this.#expect(this.#request.headMs);
  }

  #head(head: ResponseHead, bodiless: boolean): void {
    this.#came = { head, bodiless };
    this.#expect(this.#request.silentMs);
  }

  /** Answers once all that came with the head is read: a small body has come with it. */
  #settle(): void {
    const came = this.#came;
    if (came === null || this.#answered || this.#done instanceof Fault) return;
    this.#came = null;
    this.#answered = true;
    this.#request.signal?.removeEventListener("abort", this.#giveUp);
    const { head, bodiless } = came;
    const { fields, load, tier } = endToEnd(head.fields);
    if (fields.some(([name, value]) => name === "content-type" && EVENTS.test(value))) {
      this.#newsMin = 1;
    }
    const there = !bodiless && this.#done === "yes";
    this.#resolve({
      status: head.status,
      fields,
      ...(load === null ? {} : { load }),
      ...(tier === null ? {} : { tier }),
      contentLength: lengthOf(head),
      framed: bodiless || head.framing.kind !== "close",
      body: bodiless || there ? null : this.#stream(),
      ...(there ? { whole: this.#joined() } : {}),
    });
  }

  #joined(): Uint8Array<ArrayBuffer> {
    const parts = this.#parts.splice(0);
    const one = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    return new Uint8Array(one.buffer as ArrayBuffer, one.byteOffset, one.byteLength);
  }

  #part(bytes: Uint8Array): void {
    if (this.#done !== "no") return;
    this.#parts.push(bytes);
    this.#partsBytes += bytes.byteLength;
    if (this.#partsBytes > WAITING_BYTES_MAX && !this.#paused) {
      this.#paused = true;
      this.#readMs = performance.now();
      this.#connection.pause();
    }
    this.#wake();
  }

  #end(clean: boolean): void {
    if (this.#done !== "no") return;
    this.#done = "yes";
    this.#finish(() => this.#over(clean));
  }

  #fail(code: FaultCode, why: string): void {
    if (this.#done !== "no") return;
    this.#done = new Fault(code, why);
    this.#parts.length = 0;
    this.#reject(this.#done);
    // A request that failed before its answer is not over for the pool, which may send it again.
    this.#finish(() => (this.#answered ? this.#over(false) : this.#connection.destroy()));
  }

  #finish(over: () => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#drained();
    this.#stopSending();
    // Paused still: the last bytes wait for the client, the connection waits for nobody.
    if (this.#paused) this.#connection.resume();
    over();
    this.#wake();
  }

  #stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const part = this.#parts.shift();
          if (part !== undefined) return controller.enqueue(this.#took(part));
          if (this.#done === "yes") return controller.close();
          if (this.#done !== "no") throw this.#done;
          return this.#next(controller);
        },
        cancel: () => {
          this.#parts.length = 0;
          this.#end(false);
        },
      },
      { highWaterMark: 0 },
    );
  }

  #next(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = () => {};
        const part = this.#parts.shift();
        if (part !== undefined) controller.enqueue(this.#took(part));
        else if (this.#done === "yes") controller.close();
        else return reject(this.#done as Fault);
        resolve();
      };
    });
  }

  #took(part: Uint8Array): Uint8Array {
    this.#partsBytes -= part.byteLength;
    if (this.#paused) this.#readMs = performance.now();
    if (this.#paused && this.#partsBytes < WAITING_BYTES_LOW && this.#done === "no") {
      this.#paused = false;
      this.#connection.resume();
      this.#expect(this.#request.silentMs);
    }
    return part;
  }

  /** The next sign of life is due in `ms`. */
  #expect(ms: number): void {
    if (this.#done !== "no") return;
    this.#dueMs = performance.now() + ms;
    this.#timer ??= setTimeout(() => this.#late(), ms);
  }

  #late(): void {
    this.#timer = null;
    const { silentMs, address } = this.#request;
    const left = this.#dueMs - performance.now();
    const unreadMs = performance.now() - this.#readMs;
    if (this.#paused && unreadMs > UNREAD_SILENCES * silentMs) {
      this.#fail("origin-broken", "nobody reads it");
    } else if (this.#paused) this.#expect(silentMs);
    else if (left > 1) this.#timer = setTimeout(() => this.#late(), left);
    else this.#fail("origin-timeout", address);
  }
}

function lengthOf(head: ResponseHead): number | null {
  if (head.framing.kind === "length") return head.framing.bytes;
  return null;
}

/** Fields without those of the connection, and what is for caches alone. */
export function endToEnd(all: Fields): {
  readonly fields: Fields;
  readonly load: string | null;
  readonly tier: string | null;
} {
  let load: string | null = null;
  let tier: string | null = null;
  let named: ReadonlySet<string> | null = null;
  for (const [name, value] of all) {
    if (name === "connection") named = new Set([...(named ?? []), ...connectionOptions(value)]);
    else if (name === ORCA_FIELD) load = value;
    else if (name === ORCA_BINARY_FIELD) load ??= `BIN ${value}`;
    else if (name === TIER_FIELD) tier = value;
  }
  const fields = all.filter(
    ([name]) => !FOR_CACHES.has(name) && !isHopByHop(name) && named?.has(name) !== true,
  );
  return { fields, load, tier };
}
