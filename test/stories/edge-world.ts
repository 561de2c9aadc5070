import {
  healthOf,
  Stage,
  type StageOrigin,
  type StageSite,
  snapshotOf,
  startOrigin,
  ZONE,
} from "./edge-stage.ts";

export const SHOP = "www.shop.example";
export const NEWS = "www.news.example";
export const LOGO = `http://${SHOP}.${ZONE}/logo.png`;

/** Fields whose values an origin tells back when asked with `?echo`. */
const ECHOED = ["accept-encoding", "cookie", "authorization", "x-forwarded-host", "user-agent"];

/**
 * Two customers: the shop with three mirrored origins and second addresses, the news with one origin
 * behind caches. What an origin says is told by the query: `cc` Cache-Control, `cookie`, `vary`,
 * `status`, `size`, `echo`. Bytes name the host, the path and the version.
 */
export class EdgeWorld {
  version = 1;
  /** Origins answer once this is resolved. */
  gate: Promise<void> = Promise.resolve();
  origins: StageOrigin[] = [];
  news!: StageOrigin;
  stage!: Stage;
  readonly #net: string;

  /** @param net the first two numbers of its addresses, such as `127.81` */
  constructor(net: string) {
    this.#net = net;
  }

  async start(edge: Parameters<Stage["start"]>[0] = {}): Promise<void> {
    const first = startOrigin(`${this.#net}.0.1`, 0, this.#answer);
    const { port } = first;
    const more = [2, 3].map((n) => startOrigin(`${this.#net}.0.${n}`, port, this.#answer));
    this.origins = [first, ...more];
    this.news = startOrigin(`${this.#net}.1.1`, port, this.#answer);
    const named = (list: readonly StageOrigin[]) =>
      list.map((o, i) => ({ name: `o${i + 1}`, v4: o.address, port }));
    const shop: StageSite = {
      ...{ customer: "shop", hostname: SHOP, port, origins: named(this.origins) },
      aliases: ["static.shop.example"],
    };
    const news: StageSite = {
      ...{ customer: "news", hostname: NEWS, port, origins: named([this.news]) },
      front: "caches",
    };
    this.stage = new Stage(snapshotOf([shop, news]), `${this.#net}.9.1`);
    await this.stage.start(edge);
  }

  async stop(): Promise<void> {
    await this.stage.stop();
    await Promise.all([...this.origins, this.news].map((origin) => origin.stop()));
  }

  /** Logs emptied; the shop's second origin has the lowest load. */
  calm(): void {
    for (const origin of [...this.origins, this.news]) origin.log.length = 0;
    this.stage.health = healthOf({
      ...{ [`${SHOP}/o1`]: 0.5, [`${SHOP}/o2`]: 0.1, [`${SHOP}/o3`]: 0.9 },
    });
  }

  /** How often each of the shop's origins was asked. */
  asked(): number[] {
    return this.origins.map((origin) => origin.log.length);
  }

  async stopShop(): Promise<void> {
    await Promise.all(this.origins.map((origin) => origin.stop()));
  }

  /** Starts an origin that was stopped at its address again. */
  revive(origin: StageOrigin): StageOrigin {
    return startOrigin(origin.address, origin.port, this.#answer);
  }

  readonly #answer = async (request: Request, origin: { address: string }): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const control = searchParams.get("cc") ?? "max-age=60";
    const tag = `"v${this.version}"`;
    const fields: Record<string, string> = {
      etag: tag,
      "content-type": pathname.endsWith(".html") ? "text/html" : "image/png",
      ...(control === "none" ? {} : { "cache-control": control }),
      ...(searchParams.has("cookie") ? { "set-cookie": "id=1" } : {}),
      ...(searchParams.has("vary") ? { vary: searchParams.get("vary")! } : {}),
    };
    if (request.headers.get("if-none-match") === tag) {
      return new Response(null, { status: 304, headers: fields });
    }
    const host = request.headers.get("host") ?? "";
    const words = `${host} ${pathname} v${this.version} of ${origin.address.slice(0, 6)}`;
    if (searchParams.has("all")) {
      const all = [...request.headers].map((field) => field.join("=")).join(" ");
      return new Response(all, { headers: { ...fields, "x-all": all } });
    }
    const web = request.headers.get("origin");
    if (searchParams.has("cors") && web !== null) fields["access-control-allow-origin"] = web;
    const echo = ECHOED.map((name) => `${name}=${request.headers.get(name)}`).join(" ");
    const size = Number(searchParams.get("size") ?? 0);
    const body = searchParams.has("echo") ? echo : words.padEnd(size, ".");
    await this.gate;
    return new Response(body, {
      status: Number(searchParams.get("status") ?? 200),
      headers: fields,
    });
  };
}
