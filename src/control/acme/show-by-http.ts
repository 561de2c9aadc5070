import { createHash } from "node:crypto";
import type { Bus } from "../../bus/mod.ts";
import type { AcmeToken } from "../../model/acme.ts";
import type { Network } from "../../model/network.ts";
import { type AskAll, addressOf, heldByAll } from "./ask-all.ts";
import type { Challenger, Shown } from "./issue.ts";

const ASK_MS_MAX = 2000;
const ANSWER_BYTES_MAX = 2000;

export interface ShowByHttpOptions extends Pick<AskAll, "wait" | "onSilent" | "heldMsMax"> {
  readonly bus: Bus;
  readonly network: () => Promise<Network | null>;
  /** Whether a node is known to be down. */
  readonly isDown: (node: string) => boolean;
}

/**
 * Shows a name by a page at it (RFC 8555 8.3), which all caches answer. What is shown is forgotten with
 * the process: an order that goes on shows it again.
 *
 * @returns also the way to stop answering caches
 */
export function showByHttp(o: ShowByHttpOptions): Challenger & { stop(): void } {
  let tokens: readonly AcmeToken[] = [];
  let digest = digestOf(tokens);
  const set = (next: readonly AcmeToken[]) => {
    tokens = next;
    digest = digestOf(next);
    o.bus.publish("acme.tokens.changed", { digest });
  };
  const stop = o.bus.respond("acme.tokens", ({ have }) => {
    return have === digest ? null : { digest, tokens };
  });
  const without = ({ host, token }: Shown) => {
    return tokens.filter((each) => each.host !== host || each.token !== token);
  };
  return {
    stop,
    present: async (shown) => {
      const { host, token, keyAuthorization } = shown;
      set([...without(shown), { host, token, keyAuthorization }]);
      const network = await o.network();
      const caches = (network?.nodes ?? []).filter(({ roles }) => roles.includes("edge"));
      const port = network?.ports.http ?? 80;
      const nodes = caches.map((node) => {
        const address = addressOf(node.addresses, port);
        return { name: node.name, address, isDown: o.isDown(node.name) };
      });
      const ask = async (address: string) => {
        const text = await pageAt(address, host, token);
        return text === null ? null : text === keyAuthorization;
      };
      const { wait, onSilent, heldMsMax } = o;
      await heldByAll({ what: `the page for ${host}`, nodes, ask, wait, onSilent, heldMsMax });
    },
    withdraw: async (shown) => set(without(shown)),
  };
}

function digestOf(tokens: readonly AcmeToken[]): string {
  return createHash("sha256").update(JSON.stringify(tokens)).digest("hex");
}

/** What a cache answers there; null where it does not. */
async function pageAt(address: string, host: string, token: string): Promise<string | null> {
  const url = `http://${address}/.well-known/acme-challenge/${token}`;
  try {
    const response = await fetch(url, {
      ...{ headers: { host }, redirect: "manual", keepalive: false },
      signal: AbortSignal.timeout(ASK_MS_MAX),
    });
    if (response.status === 200) return (await response.text()).slice(0, ANSWER_BYTES_MAX);
    await response.body?.cancel();
    return "";
  } catch {
    return null;
  }
}
