import { Fault } from "../../base/fault.ts";
import type { Network } from "../../model/network.ts";
import type { NameResolver } from "../../model/resolver.ts";
import { TYPE } from "../../wire/dns/mod.ts";
import { formatAddress, parseAddress } from "../../wire/ip/mod.ts";

const SHOWN_MAX = 5;

/**
 * Resolves when all addresses of the name are caches of ours: the authority will look there, and counts
 * what it does not find.
 *
 * @throws Fault `name-elsewhere`
 */
export async function leadsHere(
  host: string,
  network: Network,
  resolver: NameResolver,
): Promise<void> {
  const types = [TYPE.A, TYPE.AAAA];
  const all = await Promise.all(types.map((type) => addressesOf(host, type, resolver)));
  const seen = all.flat();
  const caches = network.nodes.filter(({ roles }) => roles.includes("edge"));
  const ours = new Set(
    caches.flatMap(({ addresses: { v4, v6 } }) => [v4, v6].map((text) => plain(text ?? ""))),
  );
  const others = seen.filter((address) => !ours.has(address));
  if (seen.length > 0 && others.length === 0) return;
  const where = others.slice(0, SHOWN_MAX).join(", ");
  throw new Fault("name-elsewhere", `${host} has ${where || "no address"}`);
}

async function addressesOf(host: string, type: number, resolver: NameResolver): Promise<string[]> {
  const message = await resolver.lookup(host, type).catch(() => null);
  return (message?.answers ?? []).flatMap((record) => {
    return record.type === type && record.data.kind === "address"
      ? [plain(record.data.address)]
      : [];
  });
}

/** One form of each address. */
function plain(text: string): string {
  const octets = parseAddress(text);
  return octets === null ? text : formatAddress(octets);
}
