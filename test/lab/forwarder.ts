import { createSocket, type Socket } from "node:dgram";
import { encodeRecordValue } from "../../src/model/zone.ts";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  isWireFault,
  type Message,
  type Question,
  type ResourceRecord,
  TYPE,
} from "../../src/wire/dns/mod.ts";

/**
 * A resolver over UDP: some names have an address or an alias of the test's own, or CAA; all others are asked
 * of a name server, and so is what an alias leads to.
 */
export class Forwarder {
  readonly table = new Map<string, string>();
  readonly aliases = new Map<string, string>();
  /** Name -> values as in a master file. */
  readonly caa = new Map<string, string>();
  readonly #socket: Socket;
  readonly #to: { readonly host: string; readonly port: number };
  /** Our id at the name server -> whose question it was. */
  readonly #asked = new Map<number, Asked>();
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
    { delayMs = 0 } = {},
  ): Promise<Forwarder> {
    const one = new Forwarder(to);
    one.#socket.on("message", (bytes, from) => {
      const take = () => one.#take(bytes, from.address, from.port);
      if (delayMs === 0) take();
      else setTimeout(take, delayMs);
    });
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
    const name = question?.name.toLowerCase() ?? "";
    const own = question === undefined ? null : this.#own(message, question);
    if (own !== null) {
      this.#socket.send(own, port, host);
      return;
    }
    const id = this.#next++ % 65_536;
    const alias = this.aliases.get(name);
    this.#asked.set(id, { id: message.id, host, port, ...(alias && { question, alias }) });
    const asked = alias === undefined ? Buffer.from(bytes) : toUp(message, alias);
    asked.writeUInt16BE(id, 0);
    this.#up.send(asked, this.#to.port, this.#to.host);
  }

  #own(asked: Message, { name, type }: Question): Uint8Array | null {
    const lower = name.toLowerCase();
    const [address, caa] = [this.table.get(lower), this.caa.get(lower)];
    if (type === TYPE.CAA && caa !== undefined) {
      const bytes = encodeRecordValue(TYPE.CAA, caa);
      if (typeof bytes === "string") throw new Error(bytes);
      return answerOf(asked, [{ name, type, ...IN, data: { kind: "raw", bytes } }]);
    }
    if (address === undefined) return null;
    const record = { name, type: TYPE.A, ...IN, data: { kind: "address", address } } as const;
    return answerOf(asked, type === TYPE.A ? [record] : []);
  }

  #relay(bytes: Buffer): void {
    const from = this.#asked.get(bytes.readUInt16BE(0));
    if (from === undefined) return;
    const answer = from.alias === undefined ? Buffer.from(bytes) : withAlias(bytes, from);
    answer.writeUInt16BE(from.id, 0);
    this.#socket.send(answer, from.port, from.host);
  }
}

/** Whose question it was; of an alias also what it was. */
interface Asked {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly question?: Question | undefined;
  readonly alias?: string;
}

const IN = { class: 1, ttlSec: 1 } as const;

function answerOf(asked: Message, answers: readonly ResourceRecord[]): Uint8Array | null {
  const flags = asked.flags | FLAG.RESPONSE;
  return encodeMessage({ ...asked, flags, answers, authorities: [], additionals: [] });
}

/** The question about what the alias leads to. */
function toUp(message: Message, alias: string): Buffer {
  const questions = message.questions.map((one) => ({ ...one, name: alias }));
  return Buffer.from(encodeMessage({ ...message, questions }) ?? []);
}

/** The answer about what the alias leads to, behind the alias itself. */
function withAlias(bytes: Uint8Array, { question, alias = "" }: Asked): Buffer {
  const message = decodeMessage(bytes);
  if (isWireFault(message) || question === undefined) return Buffer.alloc(0);
  const { name } = question;
  const cname = { name, type: TYPE.CNAME, ...IN, data: { kind: "name", name: alias } } as const;
  const answers = question.type === TYPE.CNAME ? [cname] : [cname, ...message.answers];
  const whole = { ...message, questions: [question], answers, authorities: [] };
  return Buffer.from(encodeMessage(whole) ?? []);
}
