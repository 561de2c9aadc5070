import { type ClientHttp2Session, connect } from "node:http2";
import { ask } from "./edge-stage.ts";

/** What was answered, whichever protocol was spoken. */
export interface Said {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly text: string;
}

/** Asks for a URL; its host is what the request names, whoever is connected to. */
export type AskUrl = (
  url: string,
  o?: {
    readonly fields?: Readonly<Record<string, string>>;
    readonly method?: string;
    readonly body?: string | Buffer;
  },
) => Promise<Said>;

interface Ports {
  readonly address: string;
  readonly edge: { readonly httpPort: number; readonly httpsPort: number | null };
}

/** Both ways of asking an edge, HTTP/1.1 in the clear and HTTP/2 over TLS: `for (const [via, get] of ...)`. */
export class TwoWays {
  #session: Promise<ClientHttp2Session> | null = null;
  readonly #of: () => Ports;

  constructor(of: () => Ports) {
    this.#of = of;
  }

  readonly http1: AskUrl = (url, { fields = {}, method = "GET", body } = {}) => {
    const { address, edge } = this.#of();
    const more = body === undefined ? {} : { body };
    return ask({ address, port: edge.httpPort }, url, { fields: { ...fields }, method, ...more });
  };

  readonly http2: AskUrl = async (url, { fields = {}, method = "GET", body } = {}) => {
    const { host, pathname, search } = new URL(url);
    const named = { ":path": pathname + search, ":method": method, ":authority": host };
    const { promise, resolve, reject } = Promise.withResolvers<Said>();
    const stream = (await this.#open()).request({ ...named, ":scheme": "https", ...fields });
    const headers = new Headers();
    let status = 0;
    const chunks: Buffer[] = [];
    stream.on("response", (got) => {
      status = Number(got[":status"]);
      for (const [name, value] of Object.entries(got)) {
        if (!name.startsWith(":")) headers.set(name, String(value));
      }
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const all = Buffer.concat(chunks);
      resolve({ status, headers, body: all, text: all.toString() });
    });
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("The stream ended before its answer did")));
    stream.end(body);
    return promise;
  };

  get both(): readonly (readonly [string, AskUrl])[] {
    return [
      ["HTTP/1.1", this.http1],
      ["HTTP/2", this.http2],
    ];
  }

  close(): void {
    this.#session?.then(
      (session) => session.destroy(),
      () => {},
    );
    this.#session = null;
  }

  /** Resolves once the server's settings are known: how many streams it takes is one of them. */
  #open(): Promise<ClientHttp2Session> {
    if (this.#session !== null) return this.#session;
    const { address, edge } = this.#of();
    const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Session>();
    const session = connect(`https://${address}:${edge.httpsPort}`, { rejectUnauthorized: false });
    session.once("remoteSettings", () => resolve(session));
    session.on("error", reject);
    session.once("close", () => {
      if (this.#session === promise) this.#session = null;
    });
    this.#session = promise;
    return promise;
  }
}
