import type { Network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import { type Message, type ResourceRecord, TYPE } from "../wire/dns/mod.ts";
import { vetAddress } from "../wire/ip/mod.ts";

/** Name servers of a parent zone that are asked, so that one name costs few questions. */
const PARENTS_ASKED = 3;

/**
 * The records of a name at its parent zone. The parent's own servers are asked: a resolver would
 * rather tell what the zone says of itself, and that is what whoever is served now says.
 * Null when no server of a parent answered.
 */
export async function askParent(
  o: { readonly name: string; readonly type: number },
  network: Network,
  resolver: NameResolver,
): Promise<Message | null> {
  const { name, type } = o;
  const rules = { allowPrivate: network.allowPrivateOrigins, ranges: network.allowOriginRanges };
  for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) {
    const parent = name.slice(at + 1);
    const message = await resolver.lookup(parent, TYPE.NS).catch(() => null);
    const servers = serversIn(message?.answers ?? [], parent);
    if (servers.length === 0) continue;
    for (const server of servers.slice(0, PARENTS_ASKED)) {
      const addresses = await addressesOf(server, resolver);
      const address = addresses.find((each) => vetAddress(each, rules) === null);
      if (address === undefined) continue;
      const said = await resolver.lookupAt(address, name, type).catch(() => null);
      if (said !== null) return said;
    }
    return null;
  }
  return null;
}

/** The NS that the parent zone has for a name, lower case; null when no server of it answered. */
export async function delegationOf(
  name: string,
  network: Network,
  resolver: NameResolver,
): Promise<readonly string[] | null> {
  const said = await askParent({ name, type: TYPE.NS }, network, resolver);
  return said === null ? null : serversIn([...said.answers, ...said.authorities], name);
}

/** A name's addresses of both families, as far as they can be had. */
export async function addressesOf(server: string, resolver: NameResolver): Promise<string[]> {
  const messages = await Promise.all(
    [TYPE.A, TYPE.AAAA].map((type) => resolver.lookup(server, type).catch(() => null)),
  );
  return messages.flatMap((message) =>
    (message?.answers ?? []).flatMap(({ data }) => {
      return data.kind === "address" ? [data.address] : [];
    }),
  );
}

function serversIn(records: readonly ResourceRecord[], owner: string): string[] {
  return records.flatMap(({ name, type, data }) => {
    const own = type === TYPE.NS && name.toLowerCase() === owner && data.kind === "name";
    return own ? [data.name.toLowerCase()] : [];
  });
}
