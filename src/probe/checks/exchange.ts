import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../base/clock.ts";
import { parseAddress } from "../../wire/ip/mod.ts";
import type { ResponseReader } from "../../wire/probe/mod.ts";
import { certificateDays } from "./certificate.ts";
import { startDeadline } from "./deadline.ts";
import { type CheckOutcome, failed, failureOf } from "./outcome.ts";

export interface ExchangeOptions {
  /** An IP literal: names are resolved and vetted before this. */
  readonly address: string;
  readonly port: number;
  /** Null for a plain connection; else TLS with this server name, and the certificate must fit it. */
  readonly tls: { readonly serverName: string } | null;
  /** Bytes to send once connected; null to be content with the connection. */
  readonly request: string | null;
  readonly reader: ResponseReader | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Ends the check at once; its outcome means nothing then. */
  readonly signal?: AbortSignal;
}

/**
 * One connection, one request, one response, with its timings, on a socket of its own: so the time
 * to connect and to the first byte are real. Never rejects; over after `timeoutMs` in any case.
 */
export function exchange(options: ExchangeOptions): Promise<CheckOutcome> {
  return new Promise((resolve) => new Exchange(options, resolve));
}

/** An address is no server name (RFC 6066 3); the certificate must then name the address. */
function connectSecure(host: string, port: number, name: string): Socket {
  const servername = parseAddress(name.replace(/^\[|\]$/g, "")) === null ? name : "";
  return connectTls({ host, port, servername, rejectUnauthorized: true });
}

class Exchange {
  readonly #options: ExchangeOptions;
  readonly #resolve: (outcome: CheckOutcome) => void;
  readonly #startMs: number;
  readonly #socket: Socket;
  readonly #deadline: ReturnType<typeof startDeadline>;
  #connectMs: number | null = null;
  #tlsMs: number | null = null;
  #certificateDays: number | null = null;
  #firstByteMs: number | null = null;
  #over = false;
  readonly #abort = () => this.#finish("stopped");

  constructor(options: ExchangeOptions, resolve: (outcome: CheckOutcome) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#startMs = options.clock.monoMs();
    const { timeoutMs, clock } = options;
    this.#deadline = startDeadline(timeoutMs, clock, () => this.#finish("timeout"));
    const { address: host, port, tls } = options;
    this.#socket =
      tls === null ? connectTcp({ host, port }) : connectSecure(host, port, tls.serverName);
    this.#socket.setNoDelay(true);
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("secureConnect", () => this.#secured());
    this.#socket.on("data", (bytes: Uint8Array) => this.#data(bytes));
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.on("close", () => this.#finish("reset"));
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    if (options.signal?.aborted === true) this.#abort();
  }

  #failed(error: Error): void {
    const word = failureOf(error);
    const shaking = this.#options.tls !== null && this.#connectMs !== null && this.#tlsMs === null;
    this.#finish(shaking && word === "broken connection" ? "not tls" : word);
  }

  #elapsedMs(): number {
    return this.#options.clock.monoMs() - this.#startMs;
  }

  #connected(): void {
    this.#connectMs ??= this.#elapsedMs();
    if (this.#options.tls === null) this.#ask();
  }

  #secured(): void {
    this.#connectMs ??= this.#elapsedMs();
    this.#tlsMs = this.#elapsedMs();
    this.#certificateDays = certificateDays(this.#socket, this.#options.clock.wallMs());
    this.#ask();
  }

  #ask(): void {
    if (this.#options.request === null) this.#finish("");
    else this.#socket.write(this.#options.request);
  }

  #data(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#firstByteMs ??= this.#elapsedMs();
    this.#follow(this.#options.reader?.push(bytes));
  }

  #ended(): void {
    if (!this.#over) this.#follow(this.#options.reader?.end());
  }

  #follow(progress: ReturnType<ResponseReader["push"]> | undefined): void {
    if (progress?.state === "done") this.#finish("");
    if (progress?.state === "broken") this.#finish(progress.reason);
  }

  #finish(failure: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline.stop();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#socket.destroy();
    const timings = {
      connectMs: this.#connectMs,
      ...(this.#options.tls === null ? {} : { tlsMs: this.#tlsMs }),
      firstByteMs: this.#firstByteMs,
      ...(this.#certificateDays === null ? {} : { certificateDays: this.#certificateDays }),
    };
    if (failure !== "") this.#resolve(failed(failure, timings));
    else this.#resolve({ ok: true, failure: "", ...timings, totalMs: this.#elapsedMs() });
  }
}
