import { Resolver } from "node:dns/promises";
import type { ClientNetwork, Ports } from "../layout.ts";

/** What came back over HTTP, and from which address. */
export interface Fetched {
  readonly url: string;
  readonly address: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface UserOptions {
  readonly network: ClientNetwork;
  readonly ports: Ports;
  /** Whether its stub keeps answers for their TTL, as most do; else every lookup is a new one. */
  readonly keepAnswers: boolean;
}

/** A user in one client network: a real stub resolver and a real HTTP client. */
export class User {
  readonly network: ClientNetwork;
  readonly #server: string;
  readonly #kept: Resolver | null;

  constructor(options: UserOptions) {
    this.network = options.network;
    this.#server = `${options.network.resolver}:${options.ports.dns}`;
    this.#kept = options.keepAnswers ? this.#stub() : null;
  }

  #stub(): Resolver {
    const stub = new Resolver({ timeout: 2000, tries: 2 });
    stub.setServers([this.#server]);
    return stub;
  }

  /** The first IPv4 address answered. Throws what `node:dns` throws. */
  async lookup(name: string): Promise<string> {
    const [address] = await (this.#kept ?? this.#stub()).resolve4(name);
    if (address === undefined) throw new Error(`no address for ${name}`);
    return address;
  }

  /** Looks the host of the URL up and fetches it from that address with that Host. */
  async visit(url: string, init: BunFetchRequestInit = {}): Promise<Fetched> {
    const address = await this.lookup(new URL(url).hostname);
    return fetchAt(address, url, init);
  }
}

/** Fetches a URL from a given address: connection to the address, Host of the URL. */
export async function fetchAt(
  address: string,
  url: string,
  init: BunFetchRequestInit = {},
): Promise<Fetched> {
  const to = new URL(url);
  const host = to.host;
  to.hostname = address;
  const response = await fetch(to, {
    redirect: "manual",
    signal: AbortSignal.timeout(5000),
    ...init,
    headers: { ...(init.headers as Record<string, string> | undefined), host },
  });
  const body = new Uint8Array(await response.arrayBuffer());
  return { url, address, status: response.status, headers: response.headers, body };
}
