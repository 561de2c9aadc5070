import { type ClientNetwork, NODES, POPS, type Ports } from "../layout.ts";
import {
  decodeMessage,
  encodeAnswer,
  encodeName,
  encodeQuery,
  type Message,
  nameOf,
  RCODE,
  type ResourceRecord,
  TYPE,
} from "./message.ts";

/** How names lead to servers in the simulated world, as root hints and delegations would. */
export interface Ways {
  /** Zones whose servers are our name servers. */
  readonly ours: readonly string[];
  /** CNAMEs in zones of the customers' own, by name. */
  readonly cnames: ReadonlyMap<string, string>;
}

export interface ResolverOptions {
  readonly network: ClientNetwork;
  readonly ports: Ports;
  /** Name servers' addresses, the one to ask first at the front. */
  readonly servers: readonly string[];
  readonly ways: () => Ways;
  /** Default: the addresses of the network's nodes. */
  readonly nodePops?: ReadonlyMap<string, string>;
}

export interface ForwardingResolver {
  readonly address: string;
  readonly port: number;
  stop(): void;
}

const CNAMES_MAX = 8;
const WAIT_MS = 800;
const AVOID_MS = 10_000;
const PENDING_MAX = 500;
const CUSTOMER_CNAME_TTL_SEC = 60;

/**
 * The resolver of one client network: it asks our name servers on behalf of its users, with their
 * prefix as client subnet (RFC 7871), and follows CNAMEs. It keeps no answers, so that what users
 * see is what name servers say now. Answers to probes are delayed by the distance to their pop;
 * its own users are near.
 */
export async function startResolver(options: ResolverOptions): Promise<ForwardingResolver> {
  const { network, ports } = options;
  const upstream = await startUpstream(network.resolver, ports.dns);
  const pops = options.nodePops ?? new Map<string, string>(NODES.map((n) => [n.v4, n.pop]));
  const socket = await Bun.udpSocket({
    hostname: network.resolver,
    port: ports.dns,
    socket: {
      data(own, bytes, port, address) {
        const query = decodeMessage(bytes);
        if (query?.question == null || query.response) return;
        const reply = (answer: Uint8Array) => {
          if (!own.closed) own.send(answer, port, address);
        };
        const pop = pops.get(address);
        if (pop !== undefined) {
          setTimeout(reply, network.rttMs[pop] ?? 0, refuse(query));
          return;
        }
        resolve(query, options, upstream).then(reply, () => reply(fail(query)));
      },
      // A client that went away is told by ICMP; without a handler that would end the process.
      error() {},
    },
  });
  return {
    address: network.resolver,
    port: socket.port,
    stop() {
      socket.close();
      upstream.stop();
    },
  };
}

/** The pops in order of distance, for a resolver's choice of name server. */
export function nearestNameServers(network: ClientNetwork): readonly string[] {
  const far = (pop: string) => network.rttMs[pop] ?? Number.POSITIVE_INFINITY;
  return [...NODES]
    .filter((n) => n.roles.includes("dns") && POPS.some((p) => p.name === n.pop))
    .sort((a, b) => far(a.pop) - far(b.pop))
    .map((n) => n.v4);
}

function refuse(query: Message): Uint8Array {
  return encodeAnswer({ ...asked(query), rcode: RCODE.REFUSED, answers: [] });
}

function fail(query: Message): Uint8Array {
  return encodeAnswer({ ...asked(query), rcode: RCODE.SERVFAIL, answers: [] });
}

function asked(query: Message): {
  readonly id: number;
  readonly question: NonNullable<Message["question"]>;
} {
  return { id: query.id, question: query.question! };
}

async function resolve(
  query: Message,
  options: ResolverOptions,
  upstream: Upstream,
): Promise<Uint8Array> {
  const { name: first, type } = query.question!;
  const answers: ResourceRecord[] = [];
  let name = first;
  for (let hops = 0; hops <= CNAMES_MAX; hops++) {
    const ways = options.ways();
    const own = ways.cnames.get(name);
    if (own !== undefined) {
      const data = encodeName(own);
      answers.push({ name, type: TYPE.CNAME, ttlSec: CUSTOMER_CNAME_TTL_SEC, data });
      name = own;
      continue;
    }
    if (!ways.ours.some((zone) => name === zone || name.endsWith(`.${zone}`)))
      return encodeAnswer({ ...asked(query), rcode: RCODE.NXDOMAIN, answers });
    const got = await upstream.ask(options.servers, name, {
      type,
      subnet: options.network.prefix,
    });
    answers.push(...got.answers);
    const target = endOfChain(got.answers, name);
    const done = got.answers.some((r) => r.type === type && r.name === target);
    if (done || target === name || type === TYPE.CNAME)
      return encodeAnswer({ ...asked(query), rcode: got.rcode, answers });
    name = target;
  }
  return fail(query);
}

function endOfChain(answers: readonly ResourceRecord[], from: string): string {
  let name = from;
  for (let hops = 0; hops <= CNAMES_MAX; hops++) {
    const next = answers.find((r) => r.type === TYPE.CNAME && r.name === name);
    if (next === undefined) break;
    name = nameOf(next.data);
  }
  return name;
}

interface Upstream {
  ask(
    servers: readonly string[],
    name: string,
    more: { readonly type: number; readonly subnet: string },
  ): Promise<Message>;
  stop(): void;
}

/** Asks servers in order, the next one after WAIT_MS; one that failed lately comes last. */
async function startUpstream(from: string, serverPort: number): Promise<Upstream> {
  const pending = new Map<number, (message: Message, address: string) => void>();
  const failedAt = new Map<string, number>();
  const socket = await Bun.udpSocket({
    hostname: from,
    port: 0,
    socket: {
      data(_own, bytes, port, address) {
        const message = decodeMessage(bytes);
        if (message === null || !message.response || port !== serverPort) return;
        pending.get(message.id)?.(message, address);
      },
      // A dead name server refuses by ICMP; the question's own time limit covers it.
      error() {},
    },
  });
  const once = (server: string, name: string, more: { type: number; subnet: string }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const id = freeId(pending);
    const late = setTimeout(() => reject(new Error(`${server} did not answer`)), WAIT_MS);
    pending.set(id, (message, address) => {
      if (address === server && message.question?.name === name) resolve(message);
    });
    socket.send(encodeQuery({ id, name, ...more }), serverPort, server);
    return promise.finally(() => {
      clearTimeout(late);
      pending.delete(id);
    });
  };
  return {
    async ask(servers, name, more) {
      if (pending.size >= PENDING_MAX) throw new Error("too many questions at once");
      const recent = performance.now() - AVOID_MS;
      const failing = (server: string) =>
        (failedAt.get(server) ?? Number.NEGATIVE_INFINITY) > recent;
      const order = [...servers].sort((a, b) => Number(failing(a)) - Number(failing(b)));
      for (const server of order) {
        try {
          return await once(server, name, more);
        } catch {
          // The next server is asked: that is what several name servers are for.
          failedAt.set(server, performance.now());
        }
      }
      throw new Error(`no name server answered for ${name}`);
    },
    stop: () => socket.close(),
  };
}

function freeId(taken: ReadonlyMap<number, unknown>): number {
  for (;;) {
    const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    if (!taken.has(id)) return id;
  }
}
