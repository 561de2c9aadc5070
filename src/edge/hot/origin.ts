import type { Fields } from "../cache/mod.ts";

/** One exchange with a server of a customer, at an address that was vetted. */
export interface OriginRequest {
  readonly scheme: "http" | "https";
  /** An IP address; what is connected to. With port 0 the path of a socket of this machine. */
  readonly address: string;
  readonly port: number;
  /** The site's hostname: SNI, and the name the certificate must have. */
  readonly hostname: string;
  /** What TLS needs beyond the public authorities, and the certificate that we show; PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Names what we show of ourselves: connections of different ones are kept apart. */
  readonly identity?: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Whole: `host` is among them, and nothing is added that is not here. */
  readonly fields: Fields;
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  /** How long a body is that comes as a stream; null where that is not known. */
  readonly bodyBytes: number | null;
  /** How long until the response's head must be there. */
  readonly headMs: number;
  /** How long the body may be silent. */
  readonly silentMs: number;
  /** Aborted before the head is there, the exchange fails and its connection is closed. */
  readonly signal?: AbortSignal;
  /** Called once, when the exchange is over: the body at its end, given up or failed. */
  readonly onEnd: () => void;
}

export interface OriginResponse {
  readonly status: number;
  /** End-to-end fields in lower case; hop-by-hop ones are gone. */
  readonly fields: Fields;
  /** What it said of its own load (ORCA); kept from clients. */
  readonly load?: string;
  /** What a parent said beside its answer; of anybody else it means nothing. */
  readonly tier?: string;
  /** Null when absent or not a number. */
  readonly contentLength: number | null;
  /** True when its end can be told from its being cut off. */
  readonly framed: boolean;
  /** All of the body, where it came together with the head; `body` is null then. */
  readonly whole?: Uint8Array<ArrayBuffer>;
  /** Null when there is none, as for HEAD, or all of it is there. Fails when the body ends early or falls silent. */
  readonly body: ReadableStream<Uint8Array> | null;
}

/** How the edge speaks to origins. Hides which HTTP client does it. */
export interface OriginClient {
  /**
   * Throws Fault `origin-refused`, `origin-unreached`, `origin-no-tls`, `origin-untrusted`,
   * `origin-timeout` or `origin-broken`; `bad-input` when the request
   * cannot be written, or its body broke off.
   */
  fetch(request: OriginRequest): Promise<OriginResponse>;
  /** Breaks off what is under way. */
  stop(): void;
}
