import { parseAddress } from "../../wire/ip/mod.ts";

/** Fetches under way, of one client network, whose request was given up. */
const LEFT_MAX = 64;

export interface Stay {
  /** The fetch is over. */
  end(): void;
}

/**
 * Who asks and leaves before the answer comes. A fetch goes on without its client, for others may wait
 * for it and it may be kept; so a client that only ever leaves could make origins work without end
 * (threats H15). Whoever has left so many fetches behind makes no further ones until some are over.
 */
export class Leavers {
  readonly #left = new Map<string, number>();

  /** Null: this client is to wait. */
  watch(client: string, signal: AbortSignal): Stay | null {
    const network = networkOf(client);
    if ((this.#left.get(network) ?? 0) >= LEFT_MAX) return null;
    let gone = false;
    const leave = () => {
      gone = true;
      this.#left.set(network, (this.#left.get(network) ?? 0) + 1);
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    return {
      end: () => {
        signal.removeEventListener("abort", leave);
        if (!gone) return;
        const rest = (this.#left.get(network) ?? 1) - 1;
        if (rest === 0) this.#left.delete(network);
        else this.#left.set(network, rest);
      },
    };
  }
}

/** An IPv4 address, or the /64 of an IPv6 one. */
function networkOf(client: string): string {
  if (!client.includes(":")) return client;
  return parseAddress(client)?.subarray(0, 8).join(".") ?? client;
}
