import { createSocket, type Socket } from "node:dgram";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  isWireFault,
  type Message,
  type ResourceRecord,
  TYPE,
} from "../../src/wire/dns/mod.ts";

/** A resolver over UDP: some names have an address of the test's own, all others are asked of a name server. */
export class Forwarder {
  readonly table = new Map<string, string>();
  readonly #socket: Socket;
  readonly #to: { readonly host: string; readonly port: number };
  /** Our id at the name server -> whose question it was. */
  readonly #asked = new Map<number, { readonly id: number; readonly host: string; port: number }>();
  readonly #up: Socket;
  #next = 1;

  private constructor(to: { readonly host: string; readonly port: number }) {
    this.#to = to;
    this.#socket = createSocket("udp4");
    this.#up = createSocket("udp4");
  }

  static async start(
    at: { readonly host: string; readonly port: number },
    to: { readonly host: string; readonly port: number },
  ): Promise<Forwarder> {
    const one = new Forwarder(to);
    one.#socket.on("message", (bytes, from) => one.#take(bytes, from.address, from.port));
    one.#up.on("message", (bytes) => one.#relay(bytes));
    // What is not listened to yet is asked again by whoever asked.
    for (const socket of [one.#socket, one.#up]) socket.on("error", () => {});
    await new Promise<void>((resolve) => one.#socket.bind(at.port, at.host, resolve));
    return one;
  }

  stop(): void {
    this.#socket.close();
    this.#up.close();
  }

  #take(bytes: Buffer, host: string, port: number): void {
    const message = decodeMessage(bytes);
    if (isWireFault(message)) return;
    const [question] = message.questions;
    const address = this.table.get(question?.name.toLowerCase() ?? "");
    if (question !== undefined && address !== undefined) {
      const answer = answerOf(message, question, address);
      if (answer !== null) this.#socket.send(answer, port, host);
      return;
    }
    const id = this.#next++ % 65_536;
    this.#asked.set(id, { id: message.id, host, port });
    const asked = Buffer.from(bytes);
    asked.writeUInt16BE(id, 0);
    this.#up.send(asked, this.#to.port, this.#to.host);
  }

  #relay(bytes: Buffer): void {
    const from = this.#asked.get(bytes.readUInt16BE(0));
    if (from === undefined) return;
    const answer = Buffer.from(bytes);
    answer.writeUInt16BE(from.id, 0);
    this.#socket.send(answer, from.port, from.host);
  }
}

function answerOf(
  asked: Message,
  { name, type }: { readonly name: string; readonly type: number },
  address: string,
): Uint8Array | null {
  const record: ResourceRecord = {
    ...{ name, type: TYPE.A, class: 1, ttlSec: 1 },
    data: { kind: "address", address },
  };
  const answers = type === TYPE.A ? [record] : [];
  const flags = asked.flags | FLAG.RESPONSE;
  return encodeMessage({ ...asked, flags, answers, authorities: [], additionals: [] });
}
