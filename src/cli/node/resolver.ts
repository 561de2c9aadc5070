import { createSocket } from "node:dgram";
import { getServers } from "node:dns";
import { connect } from "node:net";
import { Fault } from "../../base/fault.ts";
import type { Rng } from "../../base/rng.ts";
import { splitHostPort } from "../../model/node-file.ts";
import type { NameResolver } from "../../model/resolver.ts";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  isWireFault,
  type Message,
  makeQuery,
  RCODE,
} from "../../wire/dns/mod.ts";

const TIMEOUT_MS = 2000;
const DNS_PORT = 53;

interface Server {
  readonly host: string;
  readonly port: number;
}

/**
 * A stub: one question to one server after the other, over UDP with a random id and port, and over TCP
 * what was cut. It keeps nothing. Default servers: those of the system, read at each question.
 */
export function stubResolver(o: {
  readonly servers?: readonly string[] | undefined;
  readonly rng: Rng;
  /** Where `lookupAt` asks; tests move it. */
  readonly port?: number;
}): NameResolver {
  const servers = (): readonly Server[] => {
    if (o.servers !== undefined) return o.servers.map(splitHostPort);
    return getServers().map((text) => {
      const withPort = /^(?:\[.*\]|[\d.]+):\d+$/.test(text);
      return withPort ? splitHostPort(text) : { host: text, port: DNS_PORT };
    });
  };
  return {
    async lookup(name, type) {
      for (const server of servers()) {
        const query = { ...makeQuery(idOf(o.rng), name, type), flags: FLAG.RECURSION_DESIRED };
        const answer = await ask(server, query);
        if (answer !== null && answered(answer)) return answer;
      }
      throw new Fault("bus-timeout", `no resolver answered for ${name}`);
    },
    async lookupAt(address, name, type) {
      const hasPort = /^(?:\[.*\]|[\d.]+):\d+$/.test(address);
      const server = hasPort ? splitHostPort(address) : { host: address, port: o.port ?? DNS_PORT };
      const answer = await ask(server, makeQuery(idOf(o.rng), name, type));
      if (answer === null) throw new Fault("bus-timeout", `${address} did not answer for ${name}`);
      return answer;
    },
  };
}

function idOf(rng: Rng): number {
  return Math.floor(rng.float() * 65_536);
}

function answered({ rcode }: Message): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
}

async function ask(server: Server, query: Message): Promise<Message | null> {
  const bytes = encodeMessage(query);
  if (bytes === null) return null;
  const first = await askUdp(server, query, bytes);
  if (first === null || (first.flags & FLAG.TRUNCATED) === 0) return first;
  return askTcp(server, query, bytes);
}

/** The answer to this very question; null for anything else. */
function readAnswer(bytes: Uint8Array, query: Message): Message | null {
  const message = decodeMessage(bytes);
  if (isWireFault(message) || message.id !== query.id) return null;
  const [asked, said] = [query.questions[0], message.questions[0]];
  const same =
    said !== undefined &&
    said.type === asked?.type &&
    said.name.toLowerCase() === asked.name.toLowerCase();
  return same && (message.flags & FLAG.RESPONSE) !== 0 ? message : null;
}

function askUdp(server: Server, query: Message, bytes: Uint8Array): Promise<Message | null> {
  return new Promise((resolve) => {
    const socket = createSocket(server.host.includes(":") ? "udp6" : "udp4");
    const finish = (message: Message | null) => {
      clearTimeout(timer);
      resolve(message);
      socket.removeAllListeners("message");
      try {
        socket.close();
      } catch {
        // Closed already, or never opened.
      }
    };
    const timer = setTimeout(() => finish(null), TIMEOUT_MS);
    socket.on("error", () => finish(null));
    socket.on("message", (data) => {
      const message = readAnswer(data, query);
      if (message !== null) finish(message);
    });
    // Connected, so that only this server is heard, and its refusals are.
    socket.connect(server.port, server.host, () => socket.send(bytes));
  });
}

function askTcp(server: Server, query: Message, bytes: Uint8Array): Promise<Message | null> {
  return new Promise((resolve) => {
    let unread = Buffer.alloc(0);
    const socket = connect({ host: server.host, port: server.port });
    const finish = (message: Message | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(message);
    };
    const timer = setTimeout(() => finish(null), TIMEOUT_MS);
    socket.on("error", () => finish(null));
    socket.on("close", () => finish(null));
    socket.on("connect", () => {
      socket.write(Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]));
    });
    socket.on("data", (data: Buffer) => {
      unread = Buffer.concat([unread, data]);
      if (unread.length < 2 || unread.length < 2 + unread.readUInt16BE(0)) return;
      finish(readAnswer(unread.subarray(2, 2 + unread.readUInt16BE(0)), query));
    });
  });
}
