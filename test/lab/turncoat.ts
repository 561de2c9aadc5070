import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What stands before a real server: it passes everything on, until it turns. */
export type Turn = "pass" | "hang" | "fail" | "reset" | "garbage" | "endless" | "lie";

interface At {
  readonly host: string;
  readonly port: number;
}

export interface Ill {
  readonly fail: (socket: Socket) => void;
  readonly lie: (socket: Socket) => void;
}

const GARBAGE = "<secret>\0\xff\r\nsecret\r\n\r\n";
const CHUNK = new Uint8Array(65_536).fill(0x61);

/** Over TCP. How it fails and lies is told by who makes it. */
export class Turncoat {
  turn: Turn = "pass";
  /** Added to the first bytes of each answer. */
  delayMs = 0;
  /** Added to everything that comes back: how far away it is. */
  awayMs = 0;
  readonly #to: At;
  readonly #ill: Ill;
  readonly #open = new Set<Socket>();
  readonly #server: Server;

  constructor(at: At, to: At, ill: Partial<Ill> = {}) {
    this.#to = to;
    const end = (socket: Socket) => void socket.end();
    this.#ill = { fail: end, lie: end, ...ill };
    this.#server = createServer((socket) => this.#take(socket));
    this.#server.listen(at.port, at.host);
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#open.delete(socket));
  }

  #take(socket: Socket): void {
    this.#keep(socket);
    const act: Record<Turn, (socket: Socket) => unknown> = {
      pass: () => this.#pass(socket),
      hang: () => socket.resume(),
      fail: this.#ill.fail,
      reset: () => setTimeout(() => socket.resetAndDestroy(), 20),
      garbage: () => socket.end(GARBAGE),
      endless: pour,
      lie: this.#ill.lie,
    };
    act[this.turn](socket);
  }

  #pass(socket: Socket): void {
    const real = connect(this.#to);
    this.#keep(real);
    // In order, the first of it late: an end waits for what comes before it.
    let sent: Promise<unknown> = Promise.resolve();
    let waitMs = this.delayMs;
    real.on("data", (bytes) => {
      const late = waitMs + this.awayMs;
      waitMs = 0;
      if (late > 0) sent = sent.then(() => Bun.sleep(late));
      sent = sent.then(() => socket.write(bytes));
    });
    for (const over of ["end", "close"] as const) {
      real.on(over, () => void sent.then(() => socket.end()));
    }
    socket.on("data", (bytes) => real.write(bytes));
    socket.on("end", () => real.end());
    socket.on("close", () => real.destroy());
  }
}

function pour(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.writable && socket.write(CHUNK));
  };
  socket.on("drain", more);
  more();
}

export type Alter = (question: Uint8Array, answer: Uint8Array) => Uint8Array;

/** Over UDP. A failure and a lie are what is made of the real answer. */
export class UdpTurncoat {
  turn: Turn = "pass";
  readonly #at: At;
  readonly #to: At;
  readonly #ill: { readonly fail: Alter; readonly lie: Alter };
  readonly #socket: UdpSocket = createSocket("udp4");

  constructor(at: At, to: At, ill: { readonly fail: Alter; readonly lie: Alter }) {
    this.#at = at;
    this.#to = to;
    this.#ill = ill;
    // Who no longer listens refuses what was sent.
    this.#socket.on("error", () => {});
    this.#socket.on("message", (bytes, from) => this.#take(new Uint8Array(bytes), from));
  }

  start(): Promise<void> {
    const { port, host } = this.#at;
    return new Promise((resolve) => this.#socket.bind(port, host, resolve));
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #take(bytes: Uint8Array, from: RemoteInfo): void {
    const say = (answer: Uint8Array | string) => this.#socket.send(answer, from.port, from.address);
    if (this.turn === "pass") this.#ask(bytes, say);
    else if (this.turn === "garbage") say(GARBAGE);
    else if (this.turn === "endless") {
      for (let i = 0; i < 2000; i++) say(GARBAGE);
    } else if (this.turn === "lie" || this.turn === "fail") {
      const alter = this.#ill[this.turn];
      this.#ask(bytes, (answer) => say(alter(bytes, answer)));
    }
  }

  #ask(bytes: Uint8Array, say: (answer: Uint8Array) => void): void {
    const upstream = createSocket("udp4");
    const timer = setTimeout(() => upstream.close(), 2000);
    upstream.on("error", () => {});
    upstream.on("message", (answer) => {
      clearTimeout(timer);
      upstream.close();
      say(new Uint8Array(answer));
    });
    upstream.send(bytes, this.#to.port, this.#to.host);
  }
}
