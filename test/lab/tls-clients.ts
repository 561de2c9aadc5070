/**
 * Clients of one HTTPS listener, as a process of its own: `tls-clients.ts ADDRESS PORT HOST`. Some
 * connect anew for each request, some keep their connection as HTTP/1.1 lets them, some speak HTTP/2.
 * At the end of standard input it says as JSON what came of it. A request counts as failed when it got no
 * answer and the protocol does not say that it was not processed (RFC 9113 8.7).
 */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type TLSSocket } from "node:tls";

export interface ClientsTold {
  readonly answered: { readonly anew: number; readonly kept: number; readonly http2: number };
  /** Connections that the listener asked to end, by `Connection: close` and by GOAWAY. */
  readonly asked: { readonly close: number; readonly goaway: number };
  /** HTTP/2 streams refused as not processed, and asked again. */
  readonly again: number;
  readonly failed: readonly string[];
}

const REFUSED_STREAM = 7;

const told = {
  answered: { anew: 0, kept: 0, http2: 0 },
  asked: { close: 0, goaway: 0 },
  again: 0,
  failed: [] as string[],
};
let running = true;

/** One answer of HTTP/1.1 with a Content-Length; the head of it. */
function exchange(socket: TLSSocket, host: string, more: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const end = (act: () => void) => {
    for (const name of ["data", "error", "close"]) socket.removeAllListeners(name);
    socket.on("error", () => {});
    act();
  };
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
    if (head.length > 4 && text.length >= head.length + length) end(() => resolve(head));
  });
  socket.on("error", (error) => end(() => reject(error)));
  socket.on("close", () => end(() => reject(new Error("closed"))));
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
  return promise;
}

async function http1(at: Target, kind: "anew" | "kept"): Promise<void> {
  let socket: TLSSocket | null = null;
  while (running) {
    try {
      socket ??= await open(at);
      const head = await exchange(socket, at.host, kind === "anew" ? "Connection: close\r\n" : "");
      if (!head.startsWith("HTTP/1.1 200")) throw new Error(head.slice(0, 20));
      told.answered[kind] += 1;
      const isClosing = /^connection: close/im.test(head);
      if (kind === "kept" && isClosing) told.asked.close += 1;
      if (kind === "kept" && !isClosing) continue;
    } catch (error) {
      told.failed.push(`${kind} ${(error as Error).message}`);
    }
    socket?.destroy();
    socket = null;
  }
  socket?.destroy();
}

function open(at: Target): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const { address: host, port, host: servername } = at;
  const socket = connect({ host, port, servername, rejectUnauthorized: false }, () => {
    socket.removeListener("error", reject);
    resolve(socket);
  });
  socket.on("error", reject);
  return promise;
}

interface Spoken {
  readonly session: ClientHttp2Session;
  last: number;
}

async function http2(at: Target): Promise<void> {
  let spoken: Spoken | null = null;
  while (running) {
    spoken ??= speak(at);
    const of = spoken;
    const how = await ask(of, at);
    if (how === "answered") told.answered.http2 += 1;
    else if (how === "again") told.again += 1;
    else told.failed.push(`http2 ${how}`);
    if (how === "answered" && of.last === Number.POSITIVE_INFINITY) continue;
    of.session.close();
    spoken = null;
  }
  spoken?.session.destroy();
}

function speak(at: Target): Spoken {
  const session = connectHttp2(`https://${at.address}:${at.port}`, {
    ...{ rejectUnauthorized: false, servername: at.host },
  });
  const spoken: Spoken = { session, last: Number.POSITIVE_INFINITY };
  session.on("error", () => {});
  session.on("goaway", (_code: number, last: number) => {
    told.asked.goaway += 1;
    spoken.last = last;
  });
  return spoken;
}

function ask(spoken: Spoken, at: Target): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const stream = spoken.session.request({ ":path": "/", ":authority": at.host });
  let status = 0;
  let words = "closed";
  stream.on("response", (fields) => {
    status = Number(fields[":status"]);
  });
  stream.on("error", (error) => {
    words = error.message;
  });
  stream.on("close", () => {
    const isRefused = stream.rstCode === REFUSED_STREAM || (stream.id ?? 0) > spoken.last;
    if (status === 200 && stream.rstCode === 0) resolve("answered");
    else resolve(isRefused && status === 0 ? "again" : `${status} ${words} ${stream.rstCode}`);
  });
  stream.resume();
  stream.end();
  return promise;
}

interface Target {
  readonly address: string;
  readonly port: number;
  readonly host: string;
}

if (import.meta.main) {
  const [address = "", port = "0", host = ""] = process.argv.slice(2);
  const at = { address, port: Number(port), host };
  const all = [http1(at, "anew"), http1(at, "anew"), http1(at, "kept"), http1(at, "kept")];
  const clients = Promise.all([...all, http2(at), http2(at)]);
  process.stdin.on("end", () => {
    running = false;
  });
  process.stdin.resume();
  await clients;
  process.stdout.write(JSON.stringify(told));
  process.exit(0);
}
