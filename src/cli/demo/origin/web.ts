import type { IssuedPair } from "../certificate.ts";
import { type Content, LAST_MODIFIED, pageHtml } from "./page.ts";

/** One line of a web server's access log. */
export interface AccessLine {
  readonly atMs: number;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number;
}

export interface WebOptions {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly zone: string;
  /** hostname -> its mirrored content; any other host is answered 421. */
  readonly sites: ReadonlyMap<string, Content>;
  /** The customer's own certificate, and where it is shown; none: HTTP only. */
  readonly tls?: IssuedPair & { readonly port: number };
}

const LOG_LINES_MAX = 4000;

/** One mirrored web server: real HTTP on its own address, an access log, an adjustable delay. */
export class WebServer {
  readonly log: AccessLine[] = [];
  delayMs = 0;
  readonly #options: WebOptions;
  #server: Bun.Server<undefined> | null = null;
  #secure: Bun.Server<undefined> | null = null;

  constructor(options: WebOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#server?.port ?? this.#options.port;
  }

  start(): void {
    if (this.#server !== null) return;
    const { address, port, tls } = this.#options;
    this.#server = this.#listen({ hostname: address, port });
    if (tls === undefined) return;
    const { cert, key } = tls;
    this.#secure = this.#listen({ hostname: address, port: tls.port, tls: { cert, key } });
  }

  #listen(where: {
    readonly hostname: string;
    readonly port: number;
    readonly tls?: IssuedPair;
  }): Bun.Server<undefined> {
    return Bun.serve({
      ...where,
      idleTimeout: 30,
      fetch: (request, server) => this.#serve(request, server.requestIP(request)?.address ?? ""),
    });
  }

  /** Closes the listener and every connection, as a machine that dies does. */
  async stop(): Promise<void> {
    const servers = [this.#server, this.#secure];
    this.#server = null;
    this.#secure = null;
    await Promise.all(servers.map((server) => server?.stop(true)));
  }

  /** Log lines of requests other than health checks. */
  visits(where: { readonly path?: string; readonly host?: string } = {}): readonly AccessLine[] {
    return this.log.filter(
      (line) =>
        line.path !== "/health" &&
        (where.path === undefined || line.path === where.path) &&
        (where.host === undefined || line.host === where.host),
    );
  }

  async #serve(request: Request, client: string): Promise<Response> {
    if (this.delayMs > 0) await Bun.sleep(this.delayMs);
    const path = new URL(request.url).pathname;
    const host = (request.headers.get("host") ?? "").toLowerCase().replace(/:\d+$/, "");
    const response = await this.#answer(request, host, path);
    this.log.push({
      atMs: Date.now(),
      client,
      method: request.method,
      host,
      path,
      status: response.status,
    });
    if (this.log.length > LOG_LINES_MAX) this.log.splice(0, LOG_LINES_MAX / 2);
    return response;
  }

  async #answer(request: Request, host: string, path: string): Promise<Response> {
    const content = this.#options.sites.get(host);
    const { name, zone, port } = this.#options;
    if (path === "/health") return new Response("ok\n");
    if (content === undefined) return new Response("No such site here\n", { status: 421 });
    if (path === "/") {
      const html = pageHtml({ hostname: host, server: name, zone, httpPort: port });
      return new Response(html, {
        headers: {
          "content-type": "text/html; charset=utf-8",
          "cache-control": "no-store",
          "x-server": name,
        },
      });
    }
    if (path === "/echo") {
      const text = `${request.method} at ${name}: ${(await request.text()).slice(0, 1000)}\n`;
      return new Response(text, { headers: { "cache-control": "no-store", "x-server": name } });
    }
    return objectResponse(request, content, path);
  }
}

function objectResponse(request: Request, content: Content, path: string): Response {
  const object = content.get(path);
  if (object === null) return new Response("Nothing here\n", { status: 404 });
  if (request.method !== "GET" && request.method !== "HEAD")
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  const headers = {
    "content-type": object.type,
    "cache-control": "public, max-age=300",
    etag: object.etag,
    "last-modified": LAST_MODIFIED,
  };
  if (request.headers.get("if-none-match") === object.etag)
    return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : object.body, { headers });
}
