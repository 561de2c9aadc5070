import { ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { openLibc } from "./libc.ts";
import { type ClientNetwork, dropOpening } from "./opening-filter.ts";
import { openOwnSockets } from "./own-sockets.ts";
import { setFilter } from "./socket-filter.ts";

const SYMBOLS = {
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
} as const;

const AF_INET = 2;
const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const F_DUPFD_CLOEXEC = 1030;
const STDERR = 2;
/** struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)): the port of both at the same place. */
const ADDRESS_BYTES = 28;
const PORT_AT = 2;
const V4_AT = 4;
const V6_AT = 8;
/** In struct tcp_info (linux/tcp.h): segments, ms, ms, bytes. */
const INFO_BYTES = 256;
const UNACKED_AT = 24;
const LAST_SENT_AT = 44;
const LAST_RECEIVED_AT = 52;
const NOT_SENT_AT = 144;
/** The third word of an IPv4 address in IPv6 (RFC 4291 2.5.5.2). */
const MAPPED = 0xffff;
/** Networks that a filter names; more would be longer than the kernel lets one be. */
const FILTERED_MAX = 64;

/** A connection that came to a listener. */
export interface ClientSocket {
  readonly fd: number;
  /** Where it came to, and the client's. */
  readonly localPort: number;
  readonly port: number;
  readonly network: ClientNetwork;
}

/** This process's clients, as the kernel knows them. */
export interface ClientSockets {
  /** Descriptors that this process may open. */
  readonly descriptorsMax: number;
  /** The lowest descriptor that is free, which is the next to be given; `descriptorsMax` where none is. 1 us. */
  lowestFree(): number;
  /** All descriptors, whatever they are. */
  list(): Promise<readonly number[]>;
  /** Null: it is neither a client's, of one of these ports, nor listens there. */
  look(fd: number, ports: readonly number[]): ClientSocket | "listener" | null;
  /** For how long nothing went either way, ms. Null: what was sent is on its way still. */
  quietMs(fd: number): number | null;
  /** Ends it for both sides; whoever reads of it sees its end, and closes it. */
  shut(fd: number): void;
  /**
   * Leaves new connections waiting at these listeners: everybody's, or of these networks (of more than
   * 64 the first), from now on and until it is called again. False: the kernel does so at none.
   */
  keepOut(listeners: readonly number[], of: "everybody" | readonly ClientNetwork[]): boolean;
}

/** Null where the system does not tell. */
export function openClientSockets(): ClientSockets | null {
  const libc = openLibc(SYMBOLS);
  const own = openOwnSockets();
  const descriptorsMax = readDescriptorsMax();
  if (libc === null || own === null || descriptorsMax === null) return null;
  const address = new DataView(new ArrayBuffer(ADDRESS_BYTES));
  const info = new DataView(new ArrayBuffer(INFO_BYTES));
  const length = new Uint32Array(new ArrayBuffer(4));
  const value = new Int32Array(new ArrayBuffer(4));
  const isListening = (fd: number) => {
    length[0] = 4;
    const failed = libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(length));
    return failed === 0 && value[0] === 1;
  };
  /** Of sockets that have no port, such as those of files, the kernel writes a family and no more. */
  const named = (name: "getsockname" | "getpeername", fd: number) => {
    length[0] = ADDRESS_BYTES;
    if (libc[name](fd, ptr(address), ptr(length)) !== 0) return false;
    const family = address.getUint16(0, true);
    return family === AF_INET || family === AF_INET6;
  };
  const lowestFree = () => {
    const fd = libc.fcntl(STDERR, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return descriptorsMax;
    libc.close(fd);
    return fd;
  };
  // Where there is nothing to double it would look as if none were free.
  if (lowestFree() === descriptorsMax) return null;
  return {
    descriptorsMax,
    lowestFree,
    async list() {
      const all = await own.list();
      // It takes one to read of them.
      return all.length > 0 ? all : Array.from({ length: descriptorsMax }, (_, fd) => fd);
    },
    look(fd, ports) {
      if (!named("getsockname", fd)) return null;
      const localPort = address.getUint16(PORT_AT);
      if (!ports.includes(localPort)) return null;
      if (!named("getpeername", fd)) return isListening(fd) ? "listener" : null;
      return { fd, localPort, port: address.getUint16(PORT_AT), network: networkIn(address) };
    },
    quietMs(fd) {
      length[0] = INFO_BYTES;
      const failed = libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, ptr(info), ptr(length));
      if (failed !== 0 || (length[0] ?? 0) < NOT_SENT_AT + 4) return null;
      if (info.getUint32(UNACKED_AT, true) > 0 || info.getUint32(NOT_SENT_AT, true) > 0)
        return null;
      const sentMs = info.getUint32(LAST_SENT_AT, true);
      return Math.min(sentMs, info.getUint32(LAST_RECEIVED_AT, true));
    },
    shut: (fd) => own.shut(fd),
    keepOut(listeners, of) {
      const isNobody = of !== "everybody" && of.length === 0;
      if (isNobody) {
        for (const fd of listeners) {
          libc.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, ptr(value), 4);
        }
        return true;
      }
      const steps = dropOpening(of === "everybody" ? of : of.slice(0, FILTERED_MAX));
      const option = SO_ATTACH_FILTER;
      const taken = listeners.map((fd) => setFilter(libc, fd, { option, steps }));
      // One may have been closed since.
      return taken.length === 0 || taken.includes(true);
    },
  };
}

/** Of a socket's name. */
function networkIn(address: DataView): ClientNetwork {
  if (address.getUint16(0, true) === AF_INET) {
    return { family: 4, high: address.getUint32(V4_AT), low: 0 };
  }
  const [high, low] = [address.getUint32(V6_AT), address.getUint32(V6_AT + 4)];
  const isMapped = high === 0 && low === 0 && address.getUint32(V6_AT + 8) === MAPPED;
  if (isMapped) return { family: 4, high: address.getUint32(V6_AT + 12), low: 0 };
  return { family: 6, high, low };
}

/** The soft limit of this process, which the runtime has raised to the hard one. */
function readDescriptorsMax(): number | null {
  try {
    const text = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
