import type { Socket } from "bun";

/**
 * A small FTP server (RFC 959, EPSV of RFC 2428): enough of the passive half for a client that
 * signs in and retrieves a file. One data connection at a time per session; nothing is written.
 */
export interface FtpServer {
  readonly port: number;
  /** Every session waits this long before its greeting. */
  delayMs: number;
  stop(): Promise<void>;
}

export interface FtpOptions {
  readonly host: string;
  readonly port: number;
  readonly delayMs?: number;
  /** Path, with its leading slash, to bytes; null where there is no such file. */
  readonly file: (path: string) => Uint8Array | null;
}

const LINE_BYTES_MAX = 512;

interface Session {
  pending: string;
  busy: Promise<void>;
  passive: Passive | null;
}

interface Passive {
  readonly port: number;
  readonly client: Promise<Socket<undefined>>;
  close(): void;
}

type Control = Socket<Session>;

export function startFtp(options: FtpOptions): FtpServer {
  const server = { delayMs: options.delayMs ?? 0 };
  const open = new Set<Control>();
  const listener = Bun.listen<Session>({
    hostname: options.host,
    port: options.port,
    socket: {
      open(socket) {
        open.add(socket);
        socket.data = { pending: "", busy: greet(socket, server.delayMs), passive: null };
      },
      data: (socket, bytes) => take(socket, bytes, options),
      close(socket) {
        open.delete(socket);
        socket.data.passive?.close();
      },
      error() {},
    },
  });
  return {
    port: listener.port,
    get delayMs() {
      return server.delayMs;
    },
    set delayMs(ms: number) {
      server.delayMs = ms;
    },
    async stop() {
      for (const socket of open) socket.terminate();
      listener.stop(true);
    },
  };
}

async function greet(socket: Control, delayMs: number): Promise<void> {
  if (delayMs > 0) await Bun.sleep(delayMs);
  say(socket, "220 Ready");
}

function say(socket: Control, line: string): void {
  socket.write(`${line}\r\n`);
}

/** Commands of one session run one after the other, in the order received. */
function take(socket: Control, bytes: Uint8Array, options: FtpOptions): void {
  const session = socket.data;
  session.pending += new TextDecoder("latin1").decode(bytes);
  let end = session.pending.indexOf("\n");
  while (end >= 0) {
    const line = session.pending.slice(0, end).replace(/\r$/, "");
    session.pending = session.pending.slice(end + 1);
    session.busy = session.busy.then(() => run(socket, line, options));
    end = session.pending.indexOf("\n");
  }
  if (session.pending.length <= LINE_BYTES_MAX) return;
  say(socket, "500 Line too long");
  socket.end();
}

async function run(socket: Control, line: string, options: FtpOptions): Promise<void> {
  const [verb = "", ...rest] = line.split(" ");
  const argument = rest.join(" ");
  switch (verb.toUpperCase()) {
    case "USER":
      return say(socket, "331 Any password will do");
    case "PASS":
      return say(socket, "230 Signed in");
    case "TYPE":
      return say(socket, "200 Type set");
    case "PWD":
      return say(socket, '257 "/" is the directory');
    case "SYST":
      return say(socket, "215 UNIX Type: L8");
    case "FEAT":
      return say(socket, "211-Features:\r\n EPSV\r\n SIZE\r\n211 End");
    case "NOOP":
      return say(socket, "200 Nothing done");
    case "SIZE":
      return size(socket, argument, options);
    case "PASV":
    case "EPSV":
      return passive(socket, verb.toUpperCase(), options.host);
    case "RETR":
      return retrieve(socket, argument, options);
    case "QUIT":
      say(socket, "221 Goodbye");
      socket.end();
      return;
    default:
      return say(socket, "502 Not implemented");
  }
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

function size(socket: Control, path: string, options: FtpOptions): void {
  const bytes = options.file(absolute(path));
  say(socket, bytes === null ? "550 No such file" : `213 ${bytes.length}`);
}

function passive(socket: Control, verb: string, host: string): void {
  socket.data.passive?.close();
  const opened = openPassive(host);
  socket.data.passive = opened;
  const { port } = opened;
  const address = `${host.replaceAll(".", ",")},${port >> 8},${port & 255}`;
  say(
    socket,
    verb === "EPSV"
      ? `229 Entering extended passive mode (|||${port}|)`
      : `227 Entering passive mode (${address})`,
  );
}

function openPassive(host: string): Passive {
  const { promise, resolve, reject } = Promise.withResolvers<Socket<undefined>>();
  promise.catch(() => {});
  let client: Socket<undefined> | null = null;
  const listener = Bun.listen<undefined>({
    hostname: host,
    port: 0,
    socket: {
      open(socket) {
        if (client !== null) return void socket.terminate();
        client = socket;
        resolve(socket);
      },
      data() {},
      error() {},
    },
  });
  const late = setTimeout(() => reject(new Error("no data connection came")), 5000);
  return {
    port: listener.port,
    client: promise,
    close() {
      clearTimeout(late);
      reject(new Error("closed"));
      client?.end();
      listener.stop();
    },
  };
}

async function retrieve(socket: Control, path: string, options: FtpOptions): Promise<void> {
  const channel = socket.data.passive;
  if (channel === null) return say(socket, "425 Use PASV or EPSV first");
  const bytes = options.file(absolute(path));
  socket.data.passive = null;
  if (bytes === null) {
    channel.close();
    return say(socket, "550 No such file");
  }
  say(socket, "150 Here it comes");
  try {
    const data = await channel.client;
    await writeAll(data, bytes);
    say(socket, "226 Done");
  } catch {
    say(socket, "425 No data connection");
  } finally {
    channel.close();
  }
}

/** Writes with back-pressure; ends when all is in the kernel or the peer is gone. */
async function writeAll(socket: Socket<undefined>, bytes: Uint8Array): Promise<void> {
  let from = 0;
  const giveUpAt = performance.now() + 5000;
  while (from < bytes.length) {
    const wrote = socket.write(bytes, from);
    if (wrote < 0 || performance.now() > giveUpAt) throw new Error("the data connection ended");
    from += wrote;
    if (from < bytes.length) await Bun.sleep(1);
  }
  socket.flush();
}
