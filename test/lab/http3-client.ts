import { connect, type QuicSession, type QuicStream } from "node:quic";

/** What came of a request over HTTP/3. */
export interface Http3Said {
  /** Null: no answer came. */
  readonly status: number | null;
  readonly headers: Headers;
  readonly body: Buffer;
  /** `whole`, or how the stream or its connection ended before. */
  readonly end: string;
}

type Fields = Readonly<Record<string, string>>;

/** One QUIC connection, which sends what it is told to, whatever RFC 9114 says of it. */
export class Http3Client {
  readonly #session: QuicSession;

  private constructor(session: QuicSession) {
    this.#session = session;
  }

  /** Certificates are not checked: `certificate` says which was shown. */
  static async open(o: {
    readonly address: string;
    readonly port: number;
    readonly servername: string;
  }): Promise<Http3Client> {
    const session = await connect(`${o.address}:${o.port}`, {
      ...{ alpn: "h3", servername: o.servername, verifyPeer: "manual" },
    });
    session.onerror = () => {};
    session.closed.catch(() => {});
    await session.opened;
    return new Http3Client(session);
  }

  /** Names in the certificate that was shown, such as `DNS:www.shop.example`. */
  get certificate(): string {
    const shown = this.#session.peerCertificate as { subjectAltName?: string } | undefined;
    return shown?.subjectAltName ?? "";
  }

  /** Resolves when this connection is over. */
  get closed(): Promise<unknown> {
    return this.#session.closed.catch((fault: unknown) => fault);
  }

  get(url: string, more: Readonly<Record<string, string>> = {}): Promise<Http3Said> {
    const { host, pathname, search } = new URL(url);
    const named = { ":method": "GET", ":scheme": "https", ":authority": host };
    return this.ask({ ...named, ":path": pathname + search, ...more });
  }

  /** @param body whole, or part by part */
  async ask(fields: Fields, body?: Buffer | AsyncIterable<Buffer>): Promise<Http3Said> {
    const headers = new Headers();
    let status: number | null = null;
    const { promise: headed, resolve: onHead } = Promise.withResolvers<void>();
    const opened = await this.open(fields, body, (got) => {
      status = Number(got[":status"]);
      for (const [name, value] of Object.entries(got)) {
        if (!name.startsWith(":")) headers.set(name, String(value));
      }
      onHead();
    }).catch((fault: Error) => fault);
    // Its connection had GOAWAY: nothing of it is sent.
    if (opened instanceof Error && opened.message.includes("GOAWAY")) {
      return { status, headers, body: Buffer.alloc(0), end: opened.message };
    }
    if (opened instanceof Error) throw opened;
    const stream = opened;
    const parts: Uint8Array[] = [];
    let end = "whole";
    const closed = stream.closed.then(
      () => "closed",
      (fault: Error) => fault.message,
    );
    const how = await Promise.race([headed.then(() => null), closed]);
    if (how !== null) return { status, headers, body: Buffer.alloc(0), end: how };
    try {
      for await (const batch of stream) parts.push(...batch);
    } catch (fault) {
      end = (fault as Error).message;
    }
    return { status, headers, body: Buffer.concat(parts), end };
  }

  /** Begins a request whose answer is not read. */
  async open(
    fields: Fields,
    body?: Buffer | AsyncIterable<Buffer>,
    onheaders: (headers: Readonly<Record<string, unknown>>) => void = () => {},
  ): Promise<QuicStream> {
    const headers = { ...fields };
    const how = { onheaders, onerror: () => {} };
    if (body === undefined || Buffer.isBuffer(body)) {
      const whole = body === undefined ? {} : { body };
      return this.#session.createBidirectionalStream({ ...how, ...whole, headers });
    }
    const stream = await this.#session.createBidirectionalStream(how);
    stream.sendHeaders(headers, { terminal: false });
    void this.#write(stream, body);
    return stream;
  }

  async #write(stream: QuicStream, parts: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const part of parts) await stream.writer.write(part);
      await stream.writer.end();
    } catch {
      // Whoever reads the answer sees how it ended.
    }
  }

  destroy(): void {
    this.#session.destroy();
  }
}
