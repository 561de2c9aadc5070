import { createHash } from "node:crypto";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import {
  closePayload,
  connectionOptions,
  FrameReader,
  NO_CLOSE,
  OPCODE,
  parseResponseHead,
  type ResponseHead,
  writeFrame,
} from "../wire/http/mod.ts";
import type { Fields } from "./cache/mod.ts";
import { type ConnectTo, OriginConnection } from "./origin-connection.ts";
import { endToEnd } from "./origin-exchange.ts";
import { headOf } from "./origin-writer.ts";

/** All heads of the answer to a handshake together, interim ones too. */
const HEAD_BYTES_MAX = 65_536;
const INTERIM_MAX = 16;
/** RFC 6455 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Looks at a quiet server before it is given up; from the middle on it is pinged. */
const LOOKS = 4;
/** How long the other side may take to close once the last word was said. */
const LINGER_MS = 2_000;

export interface SocketEvents {
  message(message: string | Uint8Array): void;
  /** Once, unless this side closed first; `NO_CLOSE` where it broke off or said what it may not. */
  closed(code: number, reason: string): void;
  /** Something came, or waits: more may be held than before. */
  moved?(): void;
}

interface OpenOptions {
  /** Path and query. */
  readonly path: string;
  /** Of the request, beside those of the handshake. */
  readonly fields: Fields;
  /** Connecting and the answer together, ms. */
  readonly ms: number;
  /** Aborted when nobody waits for it any more. */
  readonly signal?: AbortSignal;
  readonly messageBytesMax: number;
  /** A server of which nothing comes for so long, no answer to a ping either, is gone. */
  readonly idleMs: number;
  readonly rng: Pick<Rng, "bytes">;
  /** Acts again and again, until what it gives is called; a timer where it is left out. */
  readonly every?: (ms: number, act: () => void) => () => void;
}

/**
 * A WebSocket to a web server (RFC 6455), without extensions. The runtime's own would hold any message
 * of 128 MB, and what it inflates: this one holds one of `messageBytesMax`, and ends for a larger one.
 */
export class OriginSocket {
  /** That the server chose; "" for none. */
  readonly protocol: string;
  /** Of the answer that opened it, for whoever asked; those of the handshake itself are among them. */
  readonly fields: Fields;
  readonly #connection: OriginConnection;
  readonly #rng: Pick<Rng, "bytes">;
  readonly #messageBytesMax: number;
  readonly #idleMs: number;
  readonly #every: NonNullable<OpenOptions["every"]>;
  /** How often it was looked since anything came. */
  #quiet = 0;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** What came with the head, or before anybody listened. */
  #early: Uint8Array;
  #events: SocketEvents | null = null;
  #reader: FrameReader | null = null;
  #state: "open" | "closing" | "over" = "open";
  #rest = () => {};

  private constructor(connection: OriginConnection, o: OpenOptions & Shaken) {
    this.#connection = connection;
    this.#rng = o.rng;
    this.#messageBytesMax = o.messageBytesMax;
    this.#idleMs = o.idleMs;
    this.#every = o.every ?? everyMs;
    this.protocol = o.protocol;
    this.fields = o.said;
    this.#early = o.early;
    connection.user = {
      data: (bytes) => this.#came(bytes),
      drain: () => this.#flush(),
      close: () => this.#gone(),
    };
  }

  /** Throws Fault: those of `OriginConnection.connect`, or `origin-broken` where it takes none. */
  static async open(to: ConnectTo, o: OpenOptions): Promise<OriginSocket> {
    if (o.signal?.aborted === true) throw new Fault("origin-unreached", to.address);
    const aborted = new AbortController();
    const giveUp = () => aborted.abort();
    const timer = setTimeout(giveUp, o.ms);
    o.signal?.addEventListener("abort", giveUp, { once: true });
    try {
      const how = { ms: o.ms, signal: aborted.signal };
      const connection = await OriginConnection.connect(to, how);
      const said = await handshake(connection, o, aborted.signal).catch((fault: unknown) => {
        connection.destroy();
        throw fault;
      });
      return new OriginSocket(connection, { ...o, ...said });
    } catch (fault) {
      if (aborted.signal.aborted) throw new Fault("origin-unreached", to.address);
      throw fault;
    } finally {
      clearTimeout(timer);
      o.signal?.removeEventListener("abort", giveUp);
    }
  }

  /** From here on what comes is told; until then it waits at the server. */
  attach(events: SocketEvents): void {
    this.#events = events;
    this.#reader = new FrameReader({
      messageBytesMax: this.#messageBytesMax,
      events: {
        message: (bytes, isText) =>
          events.message(isText ? Buffer.from(bytes.buffer).toString() : bytes),
        ping: (bytes) => this.#pong(bytes),
        pong: () => {},
        close: (code, reason) => this.#closed(code, reason),
        fault: (code) => this.#failed(code),
      },
    });
    const early = this.#early;
    this.#early = new Uint8Array(0);
    this.#rest = this.#every(this.#idleMs / LOOKS, () => this.#look());
    this.#reader.push(early);
    if (this.#connection.open) this.#connection.resume();
    else this.#gone();
  }

  /** What was sent and is not on its way yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** All that is held of what came, and of what is to go. */
  get heldBytes(): number {
    return this.#waitingBytes + this.#early.length + (this.#reader?.heldBytes ?? 0);
  }

  send(message: string | Uint8Array): void {
    if (this.#state !== "open") return;
    if (typeof message === "string") this.#write(OPCODE.text, Buffer.from(message));
    else this.#write(OPCODE.binary, message);
  }

  /** @param code none is sent where it is one that may not be */
  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#write(OPCODE.close, closePayload(code, reason));
    this.#linger();
  }

  /** At once, without a word. */
  terminate(): void {
    this.#state = "over";
    this.#rest();
    this.#connection.destroy();
  }

  /** A server that lost its power says nothing, and no error comes of that. */
  #look(): void {
    this.#quiet++;
    if (this.#quiet >= LOOKS) this.#failed(NO_CLOSE);
    else if (this.#quiet >= LOOKS / 2 && this.#waitingBytes === 0) {
      this.#write(OPCODE.ping, new Uint8Array(0));
    }
  }

  #came(bytes: Uint8Array): void {
    this.#quiet = 0;
    if (this.#reader === null) this.#early = Buffer.concat([this.#early, bytes]);
    else this.#reader.push(bytes);
    this.#events?.moved?.();
  }

  /** Of pings that come faster than answers go, some have none (RFC 6455 5.5.3). */
  #pong(bytes: Uint8Array): void {
    if (this.#waitingBytes === 0) this.#write(OPCODE.pong, bytes);
  }

  /** The server has said its last word: ours follows, and it closes the connection (RFC 6455 7.1.1). */
  #closed(code: number, reason: string): void {
    const first = this.#state === "open";
    this.#state = "closing";
    if (!first) return void this.terminate();
    this.#write(OPCODE.close, closePayload(code, ""));
    this.#linger();
    this.#events?.closed(code, reason);
  }

  /** It has said what it may not, or nothing: it is told, and not waited for (RFC 6455 7.1.7). */
  #failed(code: number): void {
    const first = this.#state === "open";
    if (first) this.#write(OPCODE.close, closePayload(code, ""));
    this.terminate();
    if (first) this.#events?.closed(NO_CLOSE, "");
  }

  #gone(): void {
    this.#rest();
    const first = this.#state === "open";
    if (first && this.#events === null) return;
    this.#state = "over";
    if (first) this.#events?.closed(NO_CLOSE, "");
  }

  #linger(): void {
    this.#rest();
    const timer = setTimeout(() => this.terminate(), LINGER_MS);
    timer.unref();
    this.#rest = () => clearTimeout(timer);
  }

  #write(opcode: number, payload: Uint8Array): void {
    const frame = writeFrame(opcode, payload, this.#rng.bytes(4));
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    this.#flush();
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const taken = this.#connection.write(next);
      this.#waitingBytes -= taken;
      if (taken < next.length) {
        this.#waiting[0] = next.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
  }
}

interface Shaken {
  /** That the server chose. */
  readonly protocol: string;
  /** Fields of its answer that go beyond the connection. */
  readonly said: Fields;
  /** What came behind it. */
  readonly early: Uint8Array;
}

/** Asks, and gives what the server said; the connection is paused. */
async function handshake(
  connection: OriginConnection,
  o: OpenOptions,
  signal: AbortSignal,
): Promise<Shaken> {
  const key = Buffer.from(o.rng.bytes(16)).toString("base64");
  const fields: Fields = [
    ...o.fields,
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-key", key],
    ["sec-websocket-version", "13"],
  ];
  const head = headOf({ method: "GET", path: o.path, fields, body: null, bodyBytes: null });
  if (head === null) throw new Fault("origin-broken", "a request that cannot be written");
  const { promise, resolve, reject } = Promise.withResolvers<{
    readonly said: ResponseHead;
    readonly early: Uint8Array;
  }>();
  const broken = (why: string) => reject(new Fault("origin-broken", why));
  let rest: Uint8Array = head;
  const send = () => {
    rest = rest.subarray(connection.write(rest));
  };
  const reader = new HeadReader();
  connection.user = {
    data: (bytes) => {
      const said = reader.push(bytes);
      if (said === null) return;
      if (typeof said === "string") return broken(said);
      connection.pause();
      resolve({ said: said.head, early: said.rest });
    },
    drain: send,
    close: () => broken("the connection ended before the answer did"),
  };
  signal.addEventListener("abort", () => broken("given up"), { once: true });
  if (signal.aborted) broken("given up");
  send();
  const { said, early } = await promise;
  const offered = o.fields.find(([name]) => name === "sec-websocket-protocol")?.[1] ?? "";
  const protocol = chosenIn(said, { key, offered });
  if (protocol === null) throw new Fault("origin-broken", "no WebSocket");
  return { protocol, said: endToEnd(said.fields).fields, early };
}

function everyMs(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms);
  timer.unref();
  return () => clearInterval(timer);
}

/** Reads heads until one is final. Null: more is needed; words: why there is none. */
class HeadReader {
  #kept: Buffer = Buffer.alloc(0);
  #interim = 0;

  push(bytes: Uint8Array): { head: ResponseHead; rest: Uint8Array } | string | null {
    this.#kept = Buffer.concat([this.#kept, bytes]);
    for (;;) {
      const end = this.#kept.indexOf("\r\n\r\n");
      if (end < 0) return this.#kept.length > HEAD_BYTES_MAX ? "a head that is too long" : null;
      if (end > HEAD_BYTES_MAX) return "a head that is too long";
      const head = parseResponseHead(this.#kept.toString("latin1", 0, end));
      if ("fault" in head) return head.fault;
      const rest = this.#kept.subarray(end + 4);
      if (head.status >= 200 || head.status === 101) return { head, rest };
      if (++this.#interim > INTERIM_MAX) return "interim answers";
      this.#kept = rest;
    }
  }
}

/** The protocol that the server chose, "" for none. Null: this opens no WebSocket (RFC 6455 4.1). */
function chosenIn(
  { status, fields }: ResponseHead,
  o: { readonly key: string; readonly offered: string },
): string | null {
  const all = (name: string) => fields.filter((field) => field[0] === name).map(([, v]) => v);
  const accept = createHash("sha1").update(`${o.key}${GUID}`).digest("base64");
  if (status !== 101 || all("upgrade").join().toLowerCase() !== "websocket") return null;
  if (!connectionOptions(all("connection").join()).has("upgrade")) return null;
  if (all("sec-websocket-accept").join() !== accept) return null;
  if (all("sec-websocket-extensions").length > 0) return null;
  const [chosen = "", ...others] = all("sec-websocket-protocol");
  const offered = o.offered.split(",").map((one) => one.trim());
  return others.length === 0 && (chosen === "" || offered.includes(chosen)) ? chosen : null;
}
