import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseAddress } from "../../wire/ip/mod.ts";
import { orcaOf, readOrca } from "../../wire/probe/mod.ts";
import { certificateDays } from "./certificate.ts";
import { startDeadline } from "./deadline.ts";
import { BODY_BYTES_MAX, type HttpCheckOptions, hostField, judgeStatus } from "./http.ts";
import { type CheckOutcome, failed, failureOf } from "./outcome.ts";

/** Header lists beyond this end the session: a server may send them for ever. */
const HEADER_BYTES_MAX = 16_384;
const MEMORY_MIB_MAX = 2;

interface Seen {
  connectMs: number | null;
  tlsMs: number | null;
  firstByteMs: number | null;
  certificateDays: number | null;
  status: number;
  orca: string;
  readonly body: Uint8Array[];
  bodyBytes: number;
}

/**
 * The check of `checkHttp()` over HTTP/2 (RFC 9113): with https it is agreed on by ALPN, with http by
 * prior knowledge. A server that does not speak it fails.
 */
export function checkHttp2(options: HttpCheckOptions): Promise<CheckOutcome> {
  return new Promise((resolve) => new Http2Check(options, resolve));
}

class Http2Check {
  readonly #options: HttpCheckOptions;
  readonly #resolve: (outcome: CheckOutcome) => void;
  readonly #startMs: number;
  readonly #deadline: ReturnType<typeof startDeadline>;
  readonly #socket: Socket;
  #session: ClientHttp2Session | null = null;
  #over = false;
  readonly #seen: Seen = {
    connectMs: null,
    tlsMs: null,
    firstByteMs: null,
    certificateDays: null,
    status: 0,
    orca: "",
    body: [],
    bodyBytes: 0,
  };
  readonly #abort = () => this.#finish("stopped");

  constructor(options: HttpCheckOptions, resolve: (outcome: CheckOutcome) => void) {
    const { address: host, port, scheme, timeoutMs, clock } = options;
    this.#options = options;
    this.#resolve = resolve;
    this.#startMs = clock.monoMs();
    this.#deadline = startDeadline(timeoutMs, clock, () => this.#finish("timeout"));
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    const secure = scheme === "https";
    this.#socket = secure ? connectSecure(host, port, options.host) : connectTcp({ host, port });
    this.#socket.setNoDelay(true);
    this.#socket.on("connect", () => {
      this.#seen.connectMs ??= this.#elapsedMs();
      if (!secure) this.#ask();
    });
    this.#socket.on("secureConnect", () => this.#secured());
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.on("close", () => this.#finish(this.#session === null ? "reset" : "not http/2"));
    if (options.signal?.aborted === true) this.#abort();
  }

  #elapsedMs(): number {
    return this.#options.clock.monoMs() - this.#startMs;
  }

  #secured(): void {
    this.#seen.connectMs ??= this.#elapsedMs();
    this.#seen.tlsMs = this.#elapsedMs();
    this.#seen.certificateDays = certificateDays(this.#socket, this.#options.clock.wallMs());
    const { alpnProtocol } = this.#socket as Socket & { alpnProtocol?: string | false };
    if (alpnProtocol === "h2") this.#ask();
    else this.#finish("not http/2");
  }

  #failed(error: Error): void {
    const word = failureOf(error);
    const { connectMs, tlsMs } = this.#seen;
    const shaking = this.#options.scheme === "https" && connectMs !== null && tlsMs === null;
    if (word !== "broken connection") this.#finish(word);
    else this.#finish(shaking ? "not tls" : "not http/2");
  }

  #ask(): void {
    if (this.#over) return;
    const { host, port, scheme, path, method = "GET", headers = {} } = this.#options;
    const authority = hostField(host, port, scheme);
    const session = connectHttp2(`${scheme}://${authority}`, {
      createConnection: () => this.#socket,
      maxSessionMemory: MEMORY_MIB_MAX,
      settings: { enablePush: false, maxHeaderListSize: HEADER_BYTES_MAX },
    });
    this.#session = session;
    session.on("error", (error) => this.#failed(error));
    const fields: Record<string, string> = { "user-agent": "turnpike-probe", accept: "*/*" };
    for (const [name, value] of Object.entries(headers)) fields[name.toLowerCase()] = value;
    const stream = session.request({
      ":method": method,
      ":scheme": scheme,
      ":authority": authority,
      ":path": path,
      ...fields,
    });
    stream.on("response", (received) => {
      this.#seen.firstByteMs ??= this.#elapsedMs();
      this.#seen.status = Number(received[":status"] ?? 0);
      this.#seen.orca = orcaOf((name) => received[name]?.toString());
    });
    stream.on("data", (bytes: Uint8Array) => this.#data(bytes));
    stream.on("end", () => this.#finish(this.#seen.status === 0 ? "not http/2" : ""));
    stream.on("error", (error) => this.#failed(error));
    stream.end();
  }

  #data(bytes: Uint8Array): void {
    if (this.#over) return;
    const room = BODY_BYTES_MAX - this.#seen.bodyBytes;
    this.#seen.bodyBytes += bytes.length;
    if (this.#options.bodyHas !== undefined) this.#seen.body.push(bytes.slice(0, room));
    if (this.#seen.bodyBytes >= BODY_BYTES_MAX) this.#finish("");
  }

  #finish(failure: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline.stop();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#session?.destroy();
    this.#socket.destroy();
    const { connectMs, tlsMs, firstByteMs, certificateDays: days, status, orca } = this.#seen;
    const timings = {
      connectMs,
      ...(this.#options.scheme === "https" ? { tlsMs } : {}),
      firstByteMs,
      ...(days === null ? {} : { certificateDays: days }),
    };
    const wrong = judgeStatus(status, this.#options) ?? failure;
    const body = () => new TextDecoder().decode(Buffer.concat(this.#seen.body));
    const { bodyHas } = this.#options;
    if (wrong !== "") this.#resolve(failed(wrong, timings));
    else if (bodyHas !== undefined && !body().includes(bodyHas)) {
      this.#resolve(failed("body without the text", timings));
    } else {
      const loads = readOrca(orca);
      const told = loads.length === 0 ? {} : { loads };
      this.#resolve({ ok: true, failure, ...timings, totalMs: this.#elapsedMs(), ...told });
    }
  }
}

/** As in exchange.ts, and HTTP/2 is asked for. */
function connectSecure(host: string, port: number, name: string): Socket {
  const servername = parseAddress(name.replace(/^\[|\]$/g, "")) === null ? name : "";
  return connectTls({
    host,
    port,
    servername,
    rejectUnauthorized: true,
    ALPNProtocols: ["h2", "http/1.1"],
  });
}
