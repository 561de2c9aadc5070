import type { Network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import { type Message, TYPE } from "../wire/dns/mod.ts";
import { delegationOf } from "./delegation.ts";

/** The label below a name where its owner shows the token. */
export const CHALLENGE = "_turnpike-challenge";

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
  const found = (await delegationOf(name, network, resolver)) ?? [];
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
