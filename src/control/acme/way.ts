import { Fault } from "../../base/fault.ts";
import type { ChallengeKind } from "../../model/acme.ts";
import type { Network } from "../../model/network.ts";
import type { NameResolver } from "../../model/resolver.ts";
import type { WantedName } from "../../policy/certificates/mod.ts";
import { TYPE } from "../../wire/dns/mod.ts";
import { formatAddress, parseAddress } from "../../wire/ip/mod.ts";

const SHOWN_MAX = 5;

/** How a name is shown to be ours this time. */
export interface Way {
  readonly challenge: ChallengeKind;
  /** The name of the TXT record, where it is one. */
  readonly record: string;
}

/** Where authorities look for a TXT record (RFC 8555 8.4). */
export function challengeName(host: string): string {
  return `_acme-challenge.${host}`;
}

/**
 * The way for a name. One whose challenges are delegated to us, by a CNAME at `_acme-challenge`, is shown by
 * DNS, wherever the name itself leads; else one that is not ours must lead to our caches.
 *
 * @throws Fault `name-elsewhere`
 */
export async function wayOf(
  { host, kind, challenge, delegate }: WantedName,
  network: Network,
  resolver: NameResolver,
): Promise<Way> {
  const record = challengeName(host);
  if (kind === "network" || kind === "second" || challenge === "dns-01") {
    return { challenge, record };
  }
  if (delegate !== null && (await leadsTo(record, delegate, resolver))) {
    return { challenge: "dns-01", record: delegate };
  }
  await leadsHere(host, network, resolver);
  return { challenge, record };
}

/** Whether the name is an alias of the other: itself, as others may follow. */
async function leadsTo(name: string, to: string, resolver: NameResolver): Promise<boolean> {
  const message = await resolver.lookup(name, TYPE.CNAME).catch(() => null);
  return (message?.answers ?? []).some(({ type, name: owner, data }) => {
    const isOwn = type === TYPE.CNAME && owner.toLowerCase() === name;
    return isOwn && data.kind === "name" && data.name.toLowerCase() === to;
  });
}

/**
 * Resolves when all addresses of the name are caches of ours: the authority will look there, and counts
 * what it does not find.
 *
 * @throws Fault `name-elsewhere`
 */
async function leadsHere(host: string, network: Network, resolver: NameResolver): Promise<void> {
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
