import type { Limit } from "../../policy/rules/mod.ts";
import type { ObjectMeta, Stamp } from "../cache/mod.ts";
import type { Form } from "./table.ts";

/**
 * Of a node with several processes, the *keeper* has what there is once per node: the disk, the fetches
 * under way, the limits at web servers, purges. *Workers* have the clients' connections and a memory tier
 * each; what they do not have in memory, fresh, they ask the keeper for. All of them look at the same
 * few words of memory (edge/workers/words):
 *
 *   behind    purges may have been missed: what workers hold in memory is not served
 *   marks     of keys and of sites; each goes up once the keeper has purged something of it
 *   rates     what is left in the buckets of rules
 */
export interface Words {
  isBehind(): boolean;
  /** Whether the keeper runs: then it is only busy when it takes no connection. */
  isKeeperThere(): boolean;
  /** What a worker notes before it asks, and looks at again at each hit. */
  stampOf(of: Pick<ObjectMeta, "key" | "customer" | "site">): Stamp;
  isCurrent(stamp: Stamp): boolean;
  /** Takes one request out of a bucket that all processes share; like `Buckets.take`. */
  takeRate(name: string, rate: Limit): number;
}

/** What a worker says of a request that it asks the keeper about. */
export interface Relayed {
  readonly client: string;
  /** Where its connection begins. */
  readonly clientPort?: number;
  readonly scheme: "http" | "https";
  readonly site: string;
  /** Whose the site is, as the worker knows it. */
  readonly customer: string;
  /** `tier`: another cache asks, see tier-ask. */
  readonly form: Form | "tier";
  /** Path and query as the client named them, without the hostname of a path form. */
  readonly path: string;
}

/** Fields between worker and keeper; a client's own are dropped. */
export const RELAYED = "turnpike-relayed";
/** The ids of servers that were asked: the worker needs a place at another one, see places. */
export const PLACE = "turnpike-place";
/** `object` or `file`: what follows is a stored response, see hand-over. */
export const HELD = "turnpike-held";
/** CacheStatus as JSON. */
export const HELD_STATUS = "turnpike-held-status";
/** The request is in front of its body, see long-head. */
export const LONG_HEAD = "turnpike-long-head";
/** Of the answer to a HEAD that came so: the length that GET would have. */
export const LENGTH = "turnpike-length";
/** What a worker tells without asking for anything, as JSON. */
export const TOLD = "turnpike-told";
/** The keeper does not know that site, or not as the worker does: nothing was done. */
export const UNKNOWN = "turnpike-unknown";
/** What became of the request, for the counts of the worker. */
export const OUTCOME = "turnpike-outcome";
/** And why it was no hit, where it was none. */
export const WHY_NOT_TOLD = "turnpike-why-not";
