import { createHash } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import { OF_NETWORK } from "../../model/certificate.ts";
import type { Network } from "../../model/network.ts";
import type { NameResolver } from "../../model/resolver.ts";
import { within } from "../../policy/snapshot/mod.ts";
import { TYPE } from "../../wire/dns/mod.ts";
import type { ZoneExtras } from "../zone-extras.ts";
import type { Challenger, Shown } from "./issue.ts";

/** Name servers take what is new within moments; one that is behind for so long is not waited for. */
const HELD_MS_MAX = 20_000;
const ASK_EACH_MS = 250;

export interface ShowByDnsOptions {
  readonly extras: Pick<ZoneExtras, "show" | "withdraw">;
  readonly network: () => Promise<Network | null>;
  readonly resolver: NameResolver;
  readonly wait: (ms: number) => Promise<void>;
  /** Told of name servers that do not answer at all. */
  readonly onSilent: (nodes: readonly string[]) => void;
  readonly heldMsMax?: number;
}

/**
 * Shows a name by a TXT record (RFC 8555 8.4) of our own name servers. The authority may ask any of them,
 * so each is asked first, as the authority will: one that answers with something else holds the order up;
 * one that does not answer at all is named and left out.
 */
export function showByDns(o: ShowByDnsOptions): Challenger {
  return {
    present: async (shown) => {
      const network = await o.network();
      const record = recordOf(shown);
      const isOwn = network !== null && within(shown.host, network.zone);
      o.extras.show({ ...record, customer: isOwn ? OF_NETWORK : shown.customer });
      const nodes = (network?.nodes ?? []).filter(({ roles }) => roles.includes("dns"));
      const port = network?.ports.dns ?? 53;
      const asked = nodes.map(async ({ name, addresses: { v4, v6 } }) => {
        const address = v4 === undefined ? `[${v6}]:${port}` : `${v4}:${port}`;
        return { name, held: await isHeldAt(address, record, o) };
      });
      const all = await Promise.all(asked);
      const behind = all.filter(({ held }) => held === "other").map(({ name }) => name);
      const silent = all.filter(({ held }) => held === "silent").map(({ name }) => name);
      if (behind.length > 0 || silent.length === all.length) {
        const which = [...behind, ...silent].join(", ");
        throw new Fault("challenge-not-held", `${record.name} at ${which || "no name server"}`);
      }
      if (silent.length > 0) o.onSilent(silent);
    },
    withdraw: async (shown) => o.extras.withdraw(recordOf(shown)),
  };
}

interface TxtRecord {
  readonly name: string;
  readonly value: string;
}

function recordOf({ host, keyAuthorization }: Shown): TxtRecord {
  const value = createHash("sha256").update(keyAuthorization).digest("base64url");
  return { name: `_acme-challenge.${host}`, value };
}

/** Asks until it is held, or for so long; at the end, whether the last answer was another or none. */
async function isHeldAt(
  address: string,
  { name, value }: TxtRecord,
  { resolver, wait, heldMsMax = HELD_MS_MAX }: ShowByDnsOptions,
): Promise<"held" | "other" | "silent"> {
  const fromMs = performance.now();
  for (;;) {
    const values = await textsAt(resolver, address, name);
    if (values?.includes(value)) return "held";
    if (performance.now() - fromMs > heldMsMax) return values === null ? "silent" : "other";
    await wait(ASK_EACH_MS);
  }
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
