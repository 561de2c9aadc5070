import type { ServerWebSocket } from "bun";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import { connectionOptions, NO_CLOSE, NO_CODE } from "../wire/http/mod.ts";
import type { Ask } from "./hot/ask.ts";
import { countBytes, countIn } from "./hot/deliver.ts";
import type { Place } from "./hot/fetch.ts";
import { formHeaders } from "./hot/head.ts";
import { HEAD_MS } from "./hot/limits.ts";
import { type Refusal, refusals } from "./hot/refuse.ts";
import type { EdgeTable } from "./hot/table.ts";
import type { OpenSocket } from "./hot/works.ts";
import { OriginSocket } from "./origin-socket.ts";
import { type RoomHolder, WebSocketRoom } from "./web-socket-room.ts";

/** What may wait in either direction for somebody who does not read; beyond it the WebSocket ends. */
const WAITING_BYTES_MAX = 1_048_576;
/** One message. */
const MESSAGE_BYTES_MAX = 1_048_576;
/** What all of them together may hold of such, as a part of the cache's memory. */
const ROOM_PART = 1 / 8;
/** Seconds without a message or pong, on either side; both are pinged before that. */
const IDLE_SEC = 120;
/** The new connection has its own. */
const OWN_FIELDS = new Set([
  ...["sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"],
  ...["accept", "accept-encoding"],
]);

/** RFC 6455 7.4: what is sent when nobody can be told better. */
const GOING_AWAY = 1001;
const TOO_SLOW = 1013;
const BROKEN = 1011;

/** The answer after which a request's connection is a WebSocket: the listener sends nothing more. */
export const UPGRADED = new Response(null, { status: 101 });

type Client = ServerWebSocket<WebSocketPair>;

/** What a listener must be able to do for a WebSocket. */
interface Upgrader {
  upgrade(
    request: Request,
    o: { readonly data: WebSocketPair; readonly headers: Headers },
  ): boolean;
}

/**
 * WebSockets between clients and web servers (RFC 6455): each is opened at the server first, so that a
 * server that refuses it can be left for the next, and messages go through as they are. Each has its
 * place among the exchanges with its server as long as it lasts: they are as bounded as those.
 */
export class WebSockets {
  readonly #open = new Set<WebSocketPair>();
  readonly #node: string;
  readonly #rng: Pick<Rng, "bytes">;
  readonly #room: WebSocketRoom;
  /** The last that was in force; null: none was told of. */
  #table: EdgeTable | null = null;

  constructor(o: {
    readonly node: string;
    readonly rng: Pick<Rng, "bytes">;
    readonly memoryBytesMax: number;
  }) {
    this.#node = o.node;
    this.#rng = o.rng;
    this.#room = new WebSocketRoom(Math.floor(o.memoryBytesMax * ROOM_PART));
  }

  /** Opens one. A refusal says why not; `UPGRADED` that it stands. */
  async open(ask: Ask, { next, connection }: OpenSocket): Promise<Response | Refusal> {
    if (!isHandshake(ask.request)) return refusals.badUpgrade;
    const reached = await reach(ask, { next, rng: this.#rng });
    if ("words" in reached) return reached;
    const { server, place } = reached;
    if (this.#table !== null && !mayStay(ask, this.#table)) {
      // The site has them no more: that was said while its server was asked.
      server.terminate();
      place.leave();
      return refusals.noOrigin;
    }
    const { sent } = ask;
    // Its messages are counted one by one, as they go.
    if (sent != null) Object.assign(sent, { streamed: true, lasts: true });
    const pair = new WebSocketPair({ ask, server, room: this.#room }, () => {
      this.#open.delete(pair);
      place.leave();
      if (sent != null) sent.lasts = false;
      sent?.ended?.();
    });
    const headers = answerOf(server, ask, this.#node);
    this.#open.add(pair);
    const upgrader = connection as Partial<Upgrader>;
    if (upgrader.upgrade?.(ask.request, { data: pair, headers }) !== true) {
      pair.end(GOING_AWAY);
      return refusals.badTarget;
    }
    return UPGRADED;
  }

  /** Those of sites that are gone, or have none any more, end. */
  tableChanged(table: EdgeTable): void {
    this.#table = table;
    for (const pair of this.#open) if (!mayStay(pair.ask, table)) pair.end(GOING_AWAY);
  }

  stop(): void {
    for (const pair of this.#open) pair.end(GOING_AWAY);
  }
}

/** Whether its site is there, and has them. */
function mayStay({ entry }: Ask, table: EdgeTable): boolean {
  const now = table.byHostname.get(entry.hostname);
  const has = now?.customer === entry.customer && now.site.fetch?.webSockets === true;
  return has && now.site.front === "caches";
}

/**
 * What a client is told as its WebSocket opens: what the server said, as with any other answer of its
 * (a balancer there may know clients by a cookie). The handshake is between two each time.
 */
function answerOf({ protocol, fields }: OriginSocket, ask: Ask, node: string): Headers {
  const headers = formHeaders(fields, ask, node);
  for (const name of [...headers.keys()]) {
    if (name.startsWith("sec-websocket-")) headers.delete(name);
  }
  if (protocol !== "") headers.set("sec-websocket-protocol", protocol);
  return headers;
}

/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** RFC 6455 4.2.1: what a client must send. */
function isHandshake({ headers }: Request): boolean {
  if (!KEY.test(headers.get("sec-websocket-key") ?? "")) return false;
  if (headers.get("sec-websocket-version") !== "13") return false;
  return connectionOptions(headers.get("connection")).has("upgrade");
}

/** What the listener does with messages, for all of them. */
export const webSocketHandlers: Bun.WebSocketHandler<WebSocketPair> = {
  idleTimeout: IDLE_SEC,
  maxPayloadLength: MESSAGE_BYTES_MAX,
  backpressureLimit: WAITING_BYTES_MAX,
  closeOnBackpressureLimit: true,
  perMessageDeflate: false,
  open: (client) => client.data.opened(client),
  message: (client, message) => client.data.said(message),
  close: (client, code, reason) => client.data.clientClosed(code, reason),
};

/** A client's connection and the one to its server. */
export class WebSocketPair implements RoomHolder {
  readonly ask: Ask;
  readonly #server: OriginSocket;
  readonly #room: WebSocketRoom;
  readonly #onEnd: () => void;
  #client: Client | null = null;
  #ended = false;

  constructor(
    {
      ask,
      server,
      room,
    }: { readonly ask: Ask; readonly server: OriginSocket; readonly room: WebSocketRoom },
    onEnd: () => void,
  ) {
    this.ask = ask;
    this.#server = server;
    this.#room = room;
    this.#onEnd = onEnd;
  }

  get customer(): string {
    return this.ask.entry.customer;
  }

  get heldBytes(): number {
    return this.#server.heldBytes + (this.#client?.getBufferedAmount() ?? 0);
  }

  /** What the server says before waits there. */
  opened(client: Client): void {
    this.#client = client;
    if (this.#ended) return void client.close(GOING_AWAY);
    this.#server.attach({
      message: (message) => this.#heard(client, message),
      closed: (code, reason) => this.#serverClosed(client, code, reason),
      moved: () => this.#moved(),
    });
  }

  /** A client that does not read is let go by the listener, at its limit. */
  #heard(client: Client, message: string | Uint8Array): void {
    if (this.#ended) return;
    const bytes = Buffer.byteLength(message);
    countIn(this.ask, {}, bytes);
    countBytes(this.ask, bytes);
    client.send(message);
  }

  said(message: string | Buffer): void {
    if (this.#ended) return;
    if (this.#server.waitingBytes > WAITING_BYTES_MAX) this.end(TOO_SLOW);
    else this.#server.send(message);
    this.#moved();
  }

  #moved(): void {
    if (!this.#ended) this.#room.note(this);
  }

  clientClosed(code: number, reason: string): void {
    if (!this.#finish()) return;
    if (code === NO_CLOSE) this.#server.terminate();
    else this.#server.close(code, reason);
  }

  #serverClosed(client: Client, code: number, reason: string): void {
    if (!this.#finish()) return;
    if (code === NO_CODE) client.close();
    else client.close(code === NO_CLOSE ? BROKEN : code, reason);
  }

  /** Ends both. */
  end(code: number): void {
    if (!this.#finish()) return;
    this.#client?.close(code);
    this.#server.close(code, "");
  }

  /** Ends both at once: there is no room for what they hold. */
  drop(): void {
    if (!this.#finish()) return;
    this.#client?.terminate();
    this.#server.terminate();
  }

  #finish(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#room.leave(this);
    this.#onEnd();
    return true;
  }
}

interface Reach {
  readonly next: OpenSocket["next"];
  readonly rng: Pick<Rng, "bytes">;
}

/** The first server that takes it. */
async function reach(
  ask: Ask,
  { next, rng }: Reach,
): Promise<{ readonly server: OriginSocket; readonly place: Place } | Refusal> {
  const { signal } = ask.request;
  let failed: Refusal = refusals.noOrigin;
  for (;;) {
    // Its client has left: no server is asked for it, and none is to blame.
    if (signal.aborted) return failed;
    const place = await next();
    if (place === null) return failed;
    if ("words" in place) return place;
    const fromMs = performance.now();
    const server = await connect(ask, place, rng);
    const well = !("words" in server);
    place.settled({ ms: well ? performance.now() - fromMs : null, well: well || signal.aborted });
    if (well) return { server, place };
    place.leave();
    failed = server;
  }
}

function connect(ask: Ask, place: Place, rng: Pick<Rng, "bytes">): Promise<OriginSocket | Refusal> {
  const { entry, path } = ask;
  const { address, choice, tls } = place;
  const { scheme } = entry.site;
  const to = { scheme, address, port: choice.port, hostname: entry.hostname, ...(tls && { tls }) };
  const fields = place.fields.filter(([name]) => !OWN_FIELDS.has(name));
  const bounds = { ms: HEAD_MS, messageBytesMax: MESSAGE_BYTES_MAX, idleMs: IDLE_SEC * 1_000 };
  const how = { path, fields, ...bounds, rng, signal: ask.request.signal };
  return OriginSocket.open(to, how).catch((fault: unknown) => {
    if (!(fault instanceof Fault)) throw fault;
    return fault.code === "origin-unreached" ? refusals.timeout : refusals.badGateway;
  });
}
