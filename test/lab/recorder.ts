import { createServer, type Server, type Socket } from "node:net";

/** A request as it came over the wire, held against RFC 9112 to the letter. */
export interface Recorded {
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** Names in lower case, in the order they came. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** What a request may be answered with: bytes to write, and whether the connection ends then. */
export interface RecorderReply {
  readonly bytes: string | Buffer;
  readonly end?: boolean;
}

/**
 * A web server that believes nothing: it takes requests apart itself, and keeps what is not exactly
 * one well-formed request after another in `malformed`.
 */
export interface Recorder {
  readonly address: string;
  readonly port: number;
  readonly requests: Recorded[];
  readonly malformed: string[];
  /** `METHOD target body` of each request. */
  readonly reached: () => string[];
  /** Connections that were opened since the start. */
  readonly connections: () => number;
  reply: (request: Recorded, socket: Socket) => RecorderReply | null;
  /** Called on all that comes, before it is taken apart. */
  onBytes: (socket: Socket, connection: number) => void;
  clear(): void;
  /** Ends all connections as they stand. */
  dropAll(): void;
  stop(): Promise<void>;
}

export const OK_REPLY: RecorderReply = {
  bytes: "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok",
};

/** The same, to be kept. */
export const CACHED_REPLY: RecorderReply = {
  bytes: OK_REPLY.bytes.toString().replace("no-store", "max-age=600"),
};

export async function startRecorder(address: string, port = 0): Promise<Recorder> {
  const open = new Set<Socket>();
  let count = 0;
  const server: Server = createServer((socket) => {
    const connection = ++count;
    open.add(socket);
    let kept: Buffer = Buffer.alloc(0);
    let broken = false;
    const complain = (why: string) => {
      broken = true;
      recorder.malformed.push(
        `${why}: ${JSON.stringify(kept.subarray(0, 400).toString("latin1"))}`,
      );
      socket.destroy();
    };
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      if (!broken && kept.length > 0) complain("left over at the end");
    });
    socket.on("data", (chunk: Buffer) => {
      if (broken) return;
      recorder.onBytes(socket, connection);
      kept = Buffer.concat([kept, chunk]);
      for (;;) {
        const taken = takeRequest(kept, connection);
        if (taken === "more") return;
        if (typeof taken === "string") return complain(taken);
        kept = kept.subarray(taken.bytes);
        recorder.requests.push(taken.request);
        const reply = recorder.reply(taken.request, socket);
        if (reply === null) continue;
        if (reply.end === true) socket.end(reply.bytes);
        else socket.write(reply.bytes);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  const at = server.address();
  const recorder: Recorder = {
    address,
    port: typeof at === "object" && at !== null ? at.port : port,
    requests: [],
    malformed: [],
    reached: () => recorder.requests.map((r) => `${r.method} ${r.target} ${r.body}`.trimEnd()),
    connections: () => count,
    reply: () => OK_REPLY,
    onBytes: () => {},
    clear() {
      recorder.requests.length = 0;
      recorder.malformed.length = 0;
      recorder.reply = () => OK_REPLY;
      recorder.onBytes = () => {};
    },
    dropAll() {
      for (const socket of open) socket.destroy();
    },
    async stop() {
      recorder.dropAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return recorder;
}

const LINE = /^([A-Z]+(?:-[A-Z]+)*) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)$/;

type Taken = { readonly request: Recorded; readonly bytes: number } | string;

/** The first request of `kept`; "more" when it is not whole yet; else what is wrong with it. */
function takeRequest(kept: Buffer, connection: number): Taken {
  const end = kept.indexOf("\r\n\r\n");
  if (end < 0) return "more";
  const [first = "", ...lines] = kept.subarray(0, end).toString("latin1").split("\r\n");
  const line = LINE.exec(first);
  if (line === null) return "not a request line";
  const fields: (readonly [string, string])[] = [];
  for (const one of lines) {
    const field = FIELD.exec(one);
    if (field === null) return "not a field";
    fields.push([field[1]!.toLowerCase(), field[2]!]);
  }
  const all = (name: string) => fields.filter((field) => field[0] === name).map((f) => f[1]);
  if (all("host").length !== 1) return "not one Host";
  const lengths = all("content-length");
  const codings = all("transfer-encoding");
  if (lengths.length + codings.length > 1) return "more than one framing";
  const head = { connection, method: line[1]!, target: line[2]!, fields };
  const rest = kept.subarray(end + 4);
  if (codings.length === 1) {
    if (codings[0] !== "chunked") return "another coding than chunked";
    const chunks = takeChunks(rest);
    if (typeof chunks === "string") return chunks;
    return { request: { ...head, body: chunks.body }, bytes: end + 4 + chunks.bytes };
  }
  if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0]!)) return "not a length";
  const length = Number(lengths[0] ?? 0);
  if (rest.length < length) return "more";
  return {
    request: { ...head, body: Buffer.from(rest.subarray(0, length)) },
    bytes: end + 4 + length,
  };
}

function takeChunks(rest: Buffer): { readonly body: Buffer; readonly bytes: number } | string {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = rest.indexOf("\r\n", at);
    if (end < 0) return "more";
    const size = rest.subarray(at, end).toString("latin1");
    if (!/^[0-9a-fA-F]{1,8}$/.test(size)) return "not a chunk size";
    const bytes = Number.parseInt(size, 16);
    const after = end + 2 + bytes;
    if (rest.length < after + 2) return "more";
    if (rest.subarray(after, after + 2).toString("latin1") !== "\r\n") {
      return bytes === 0 ? "a trailer" : "no end of a chunk";
    }
    if (bytes === 0) return { body: Buffer.concat(parts), bytes: after + 2 };
    parts.push(rest.subarray(end + 2, after));
    at = after + 2;
  }
}
