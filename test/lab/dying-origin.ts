/** How a web server dies: `blackhole` drops packets, `silent` accepts and says nothing. */
export const DEATHS = ["refuse", "silent", "blackhole", "error", "slow", "expired"] as const;
export type Death = (typeof DEATHS)[number];

export interface Tls {
  readonly cert: string;
  readonly key: string;
}

const SLOW_MS = 3000;

/** A web server that a story kills and brings back. */
export interface Mortal {
  /** When a miss (a path under /m/) last came here; `performance.now()`. */
  readonly lastMissMs: number | null;
  die(death: Death): Promise<void>;
  revive(): Promise<void>;
  close(): Promise<void>;
}

/** A web server that dies in one of several ways and comes back; it counts what it is asked. */
export class DyingOrigin implements Mortal {
  readonly #at: { readonly hostname: string; readonly port: number };
  readonly #tls: { readonly good: Tls; readonly expired: Tls } | null;
  #server: Bun.Server<undefined> | null = null;
  #death: Death | null = null;
  lastMissMs: number | null = null;

  constructor(
    at: { readonly hostname: string; readonly port: number },
    tls: { readonly good: Tls; readonly expired: Tls } | null,
  ) {
    this.#at = at;
    this.#tls = tls;
    this.#listen();
  }

  async die(death: Death): Promise<void> {
    this.#death = death;
    if (death === "refuse" || death === "expired") await this.#close();
    if (death === "expired") this.#listen();
  }

  async revive(): Promise<void> {
    const was = this.#death;
    this.#death = null;
    if (was !== "refuse" && was !== "expired") return;
    await this.#close();
    this.#listen();
  }

  async #close(): Promise<void> {
    await this.#server?.stop(true);
    this.#server = null;
  }

  close(): Promise<void> {
    return this.#close();
  }

  #listen(): void {
    const tls = this.#death === "expired" ? this.#tls?.expired : this.#tls?.good;
    this.#server = Bun.serve({
      ...this.#at,
      ...(tls === undefined ? {} : { tls }),
      fetch: (request) => this.#answer(request),
    });
  }

  async #answer(request: Request): Promise<Response> {
    if (new URL(request.url).pathname.startsWith("/m/")) this.lastMissMs = performance.now();
    if (this.#death === "silent") await new Promise(() => {});
    if (this.#death === "slow") await Bun.sleep(SLOW_MS);
    if (this.#death === "error") return new Response("broken", { status: 500 });
    return new Response("ok", { headers: { "cache-control": "max-age=60" } });
  }
}
