import { hash32 } from "../../base/rng.ts";

/** As many names as a parent zone usually takes; further servers only answer to fewer customers. */
const SET_SIZE_MAX = 4;

/** The name of a node as a name server, in the network's own zone. */
export function nodeServerName(node: string, zone: string): string {
  return `ns-${node}.${zone}`;
}

/**
 * The name servers of a customer's zones: names that nobody else's zones have, so that a parent's NS
 * show for whom a zone was delegated here, and a zone that another customer adds later is not theirs
 * by an old delegation. Behind them stand up to four of the network's name servers, another choice for
 * each customer (by highest random weight), so that a flood on one customer's leaves others some.
 *
 * @example nameServerSet("shop", ["fra-1"], "cdn.example")
 */
export function nameServerSet(
  customer: string,
  nodes: readonly string[],
  zone: string,
): { readonly name: string; readonly node: string }[] {
  const weighed = nodes.map((node) => ({ node, weight: hash32(`${customer}/${node}`) }));
  weighed.sort((a, b) => b.weight - a.weight || (a.node < b.node ? -1 : 1));
  return weighed
    .slice(0, SET_SIZE_MAX)
    .map(({ node }, i) => ({ name: `ns${i + 1}-${customer}.${zone}`, node }));
}
