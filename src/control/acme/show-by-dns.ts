import { createHash } from "node:crypto";
import { OF_NETWORK } from "../../model/certificate.ts";
import type { Network } from "../../model/network.ts";
import type { NameResolver } from "../../model/resolver.ts";
import { within } from "../../policy/snapshot/mod.ts";
import { TYPE } from "../../wire/dns/mod.ts";
import type { ZoneExtras } from "../zone-extras.ts";
import { type AskAll, addressOf, heldByAll } from "./ask-all.ts";
import type { Challenger, Shown } from "./issue.ts";

export interface ShowByDnsOptions extends Pick<AskAll, "wait" | "onSilent" | "heldMsMax"> {
  readonly extras: Pick<ZoneExtras, "show" | "withdraw">;
  readonly network: () => Promise<Network | null>;
  /** Whether a node is known to be down. */
  readonly isDown: (node: string) => boolean;
  readonly resolver: NameResolver;
}

/** Shows a name by a TXT record (RFC 8555 8.4) of our own name servers. */
export function showByDns(o: ShowByDnsOptions): Challenger {
  return {
    present: async (shown) => {
      const network = await o.network();
      const { name, value } = recordOf(shown);
      const isOwn = network !== null && within(name, network.zone);
      o.extras.show({ name, value, customer: isOwn ? OF_NETWORK : shown.customer });
      const servers = (network?.nodes ?? []).filter(({ roles }) => roles.includes("dns"));
      const port = network?.ports.dns ?? 53;
      const nodes = servers.map((node) => {
        const address = addressOf(node.addresses, port);
        return { name: node.name, address, isDown: o.isDown(node.name) };
      });
      const ask = async (address: string) => {
        return (await textsAt(o.resolver, address, name))?.includes(value) ?? null;
      };
      const { wait, onSilent, heldMsMax } = o;
      await heldByAll({ what: `${name} TXT`, nodes, ask, wait, onSilent, heldMsMax });
    },
    withdraw: async (shown) => o.extras.withdraw(recordOf(shown)),
  };
}

function recordOf({ record, keyAuthorization }: Shown) {
  const value = createHash("sha256").update(keyAuthorization).digest("base64url");
  return { name: record, value };
}

async function textsAt(
  resolver: NameResolver,
  address: string,
  name: string,
): Promise<readonly string[] | null> {
  const message = await resolver.lookupAt(address, name, TYPE.TXT).catch(() => null);
  if (message === null) return null;
  return message.answers.flatMap(({ type, data }) => {
    if (type !== TYPE.TXT || data.kind !== "texts") return [];
    return [data.texts.map((part) => new TextDecoder().decode(part)).join("")];
  });
}
