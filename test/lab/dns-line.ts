/** One way to put octets to a name server, whether over UDP, TCP, TLS or HTTPS. */
import {
  decodeMessage,
  FLAG,
  isWireFault,
  type Message,
  RCODE,
  TYPE,
  typeName,
} from "../../src/wire/dns/mod.ts";
import { dial, framed, query, udpClient, until } from "../stories/dns-stage.ts";
import { askDoh } from "./doh-door.ts";

export const TRANSPORTS = ["udp", "tcp", "tls", "https"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** What came back: the octets of the answer, not one octet, or the connection's end. */
export type Outcome = Uint8Array | "nothing" | "closed";

export interface Line {
  /** Sends one message's octets and waits for what comes back to them. */
  exchange(bytes: Uint8Array): Promise<Outcome>;
  /** Sends many at once, and gives back all answers in their order. */
  flood(all: readonly Uint8Array[]): Promise<readonly Uint8Array[]>;
}

/** Where a server listens. */
export interface Ports {
  readonly port: number;
  readonly tlsPort: number | null;
  /** Of DNS over HTTPS. */
  readonly httpsPort: number;
}

/**
 * A question that is always answered, sent after each message: when its answer is here and none came
 * before it, there is none. Needs a server that answers in order: one worker, no rate limits.
 */
const SENTINEL_ID = 0xfeed;
const SENTINEL = sentinel();

function sentinel(): Uint8Array {
  const bytes = query("sentinel.elsewhere.test", null);
  bytes.set([SENTINEL_ID >> 8, SENTINEL_ID & 255]);
  return bytes;
}

const isSentinel = (bytes: Uint8Array) => ((bytes[0]! << 8) | bytes[1]!) === SENTINEL_ID;

export async function openLine(
  transport: Transport,
  to: Ports,
  o: { readonly from?: string } = {},
): Promise<Line> {
  if (transport === "udp") return udpLine(to.port, o);
  return transport === "https" ? httpsLine(to.httpsPort) : streamLine(transport, to, o);
}

/** As many as are sent before the first is answered. */
const HTTPS_AT_ONCE = 50;

/** Nothing waits behind a message here: each is answered by itself, or refused as none (400). */
function httpsLine(port: number): Line {
  const flood = async (all: readonly Uint8Array[]) => {
    const answers: Uint8Array[] = [];
    for (let i = 0; i < all.length; i += HTTPS_AT_ONCE) {
      const some = await Promise.all(
        all.slice(i, i + HTTPS_AT_ONCE).map((bytes) => askDoh(port, bytes)),
      );
      answers.push(...some.filter((answer) => answer !== null));
    }
    return answers;
  };
  return { flood, exchange: async (bytes) => (await askDoh(port, bytes)) ?? "nothing" };
}

/** As many as a socket's buffer surely holds. */
const UDP_AT_ONCE = 100;

async function udpLine(port: number, o: { readonly from?: string }): Promise<Line> {
  const client = await udpClient(port, o);
  const flood = async (all: readonly Uint8Array[]) => {
    const answers: Uint8Array[] = [];
    for (let i = 0; i < all.length; i += UDP_AT_ONCE) {
      client.packets.length = 0;
      for (const bytes of all.slice(i, i + UDP_AT_ONCE)) client.send(bytes);
      client.send(SENTINEL);
      await until(() => client.packets.some(isSentinel), 10_000);
      answers.push(...beforeSentinel(client.packets));
    }
    return answers;
  };
  return { flood, exchange: async (bytes) => only(await flood([bytes])) };
}

/** A connection for each exchange: the server may close it. */
function streamLine(transport: "tcp" | "tls", to: Ports, o: { readonly from?: string }): Line {
  const tls = transport === "tls";
  const port = tls ? to.tlsPort! : to.port;
  const send = async (all: readonly Uint8Array[]) => {
    const { socket, messages, isClosed } = await dial(port, { ...o, tls });
    socket.write(Buffer.concat([...all, SENTINEL].map(framed)));
    await until(() => messages.some(isSentinel) || isClosed(), 10_000);
    socket.destroy();
    return messages;
  };
  const exchange = async (bytes: Uint8Array): Promise<Outcome> => {
    const messages = await send([bytes]);
    if (messages.length === 0) return "closed";
    return only(beforeSentinel(messages));
  };
  return { exchange, flood: async (all) => beforeSentinel(await send(all)) };
}

function beforeSentinel(messages: readonly Uint8Array[]): readonly Uint8Array[] {
  const at = messages.findIndex(isSentinel);
  return at < 0 ? messages : messages.slice(0, at);
}

function only(answers: readonly Uint8Array[]): Outcome {
  if (answers.length > 1) throw new Error(`One message, and ${answers.length} answers`);
  return answers[0] ?? "nothing";
}

/** What a table may say about an answer. */
export interface Shape {
  readonly rcode: string;
  /** AA, TC, RD, RA, AD, CD as they are set. */
  readonly flags: string;
  /** `A 192.0.2.1`, `CNAME a.example`, `NSEC` in hexadecimal; of others the type alone. */
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  readonly additionals: number;
  readonly edns: boolean;
  /** Code and data in hexadecimal of each option but padding. */
  readonly options: Readonly<Record<number, string>>;
  readonly scope: number | null;
  readonly bytes: number;
  /** The question's octets in hexadecimal. */
  readonly question: string;
}

/** Throws if it is no message: whatever goes out must be one. */
export function shapeOf(bytes: Uint8Array): Shape {
  const message = decodeMessage(bytes);
  if (isWireFault(message)) throw new Error(`No message came back: ${message.fault}`);
  const [question] = message.questions;
  const end = question === undefined ? 12 : 12 + nameBytes(bytes) + 4;
  const options = (message.edns?.options ?? []).filter((one) => one.code !== 12);
  return {
    rcode: RCODE_NAMES[message.rcode] ?? String(message.rcode),
    flags: FLAGS.flatMap(([name, bit]) => ((message.flags & bit) === 0 ? [] : [name])).join(" "),
    answers: message.answers.map(wordsOf),
    authorities: message.authorities.map(wordsOf),
    additionals: message.additionals.length,
    edns: message.edns !== null,
    options: Object.fromEntries(
      options.map(({ code, data }) => [code, Buffer.from(data).toString("hex")]),
    ),
    scope: message.edns?.clientSubnet?.scopeBits ?? null,
    bytes: bytes.length,
    question: Buffer.from(bytes.subarray(12, end)).toString("hex"),
  };
}

const RCODE_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(RCODE).map(([name, code]) => [code, name]),
);
const FLAGS = [
  ["AA", FLAG.AUTHORITATIVE],
  ["TC", FLAG.TRUNCATED],
  ["RD", FLAG.RECURSION_DESIRED],
  ["RA", FLAG.RECURSION_AVAILABLE],
  ["AD", FLAG.AUTHENTIC_DATA],
  ["CD", FLAG.CHECKING_DISABLED],
] as const;

function wordsOf({ type, data }: Message["answers"][number]): string {
  if (data.kind === "address") return `${typeName(type)} ${data.address}`;
  if (type === TYPE.CNAME && data.kind === "name") return `CNAME ${data.name}`;
  if (type === TYPE.NSEC && data.kind === "raw") {
    return `NSEC ${Buffer.from(data.bytes).toString("hex")}`;
  }
  return typeName(type);
}

function nameBytes(bytes: Uint8Array): number {
  let at = 12;
  while (bytes[at] !== 0) at += bytes[at]! + 1;
  return at - 12 + 1;
}
