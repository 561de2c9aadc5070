import type { Network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import { type Message, type ResourceRecord, TYPE } from "../wire/dns/mod.ts";
import { vetAddress } from "../wire/ip/mod.ts";

/** The label below a name where its owner shows the token. */
export const CHALLENGE = "_turnpike-challenge";

/** Name servers of a parent zone that are asked, so that one claim costs few questions. */
const PARENTS_ASKED = 3;

interface Looked {
  readonly name: string;
  readonly token: string;
  /** The customer's set, where the parent's NS are a proof too. */
  readonly servers: readonly string[] | null;
}

/** Null when the name is proven; else what was looked for, in words. */
export async function missingProof(
  { name, token, servers }: Looked,
  network: Network,
  resolver: NameResolver,
): Promise<string | null> {
  const challenge = `${CHALLENGE}.${name}`;
  const message = await resolver.lookup(challenge, TYPE.TXT).catch(() => null);
  if (message !== null && textsOf(message).includes(token)) return null;
  const txt = `no TXT ${token} at ${challenge}`;
  if (servers === null) return txt;
  const found = await delegationOf(name, network, resolver);
  if (pointsAt(found, servers, network.zone)) return null;
  const seen = found.length === 0 ? "no NS" : `NS ${found.join(", ")}`;
  return `${txt}, and ${seen} at the parent of ${name}`.slice(0, 500);
}

/** Of the names that are ours all must be the customer's; others' servers may stand beside them. */
function pointsAt(found: readonly string[], servers: readonly string[], zone: string): boolean {
  const ours = found.filter((name) => name.endsWith(`.${zone}`));
  return ours.length > 0 && ours.every((name) => servers.includes(name));
}

function textsOf(message: Message): string[] {
  return message.answers.flatMap(({ type, data }) => {
    if (type !== TYPE.TXT || data.kind !== "texts") return [];
    return [data.texts.map((text) => new TextDecoder().decode(text)).join("")];
  });
}

/**
 * The NS that the parent zone has for a name. The parent's own servers are asked: a resolver would
 * rather tell what the zone says of itself, and that is what whoever is served now says.
 */
async function delegationOf(
  name: string,
  network: Network,
  resolver: NameResolver,
): Promise<readonly string[]> {
  const rules = { allowPrivate: network.allowPrivateOrigins, ranges: network.allowOriginRanges };
  for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) {
    const parent = name.slice(at + 1);
    const message = await resolver.lookup(parent, TYPE.NS).catch(() => null);
    const servers = namesOf(message?.answers ?? [], parent);
    if (servers.length === 0) continue;
    for (const server of servers.slice(0, PARENTS_ASKED)) {
      const addresses = await addressesOf(server, resolver);
      const address = addresses.find((each) => vetAddress(each, rules) === null);
      if (address === undefined) continue;
      const said = await resolver.lookupAt(address, name, TYPE.NS).catch(() => null);
      if (said === null) continue;
      return namesOf([...said.answers, ...said.authorities], name);
    }
    return [];
  }
  return [];
}

async function addressesOf(server: string, resolver: NameResolver): Promise<string[]> {
  const messages = await Promise.all(
    [TYPE.A, TYPE.AAAA].map((type) => resolver.lookup(server, type).catch(() => null)),
  );
  return messages.flatMap((message) =>
    (message?.answers ?? []).flatMap(({ data }) => {
      return data.kind === "address" ? [data.address] : [];
    }),
  );
}

function namesOf(records: readonly ResourceRecord[], owner: string): string[] {
  return records.flatMap(({ name, type, data }) => {
    const own = type === TYPE.NS && name.toLowerCase() === owner && data.kind === "name";
    return own ? [data.name.toLowerCase()] : [];
  });
}
