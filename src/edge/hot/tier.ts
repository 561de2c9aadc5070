import type { TtlRow } from "../../model/rules.ts";
import { TIER_FIELD, type TierMark, type TierTold, writeTierTold } from "../../wire/http/mod.ts";
import type { ObjectMeta } from "../cache/mod.ts";

/** The keys by which caches know each other's requests, the newest last. */
export interface TierKeys {
  readonly secrets: () => readonly { readonly madeMs: number; readonly secret: Uint8Array }[];
  readonly hmac: (secret: Uint8Array, message: Uint8Array) => Uint8Array;
}

/** Of a request that another cache of ours has passed up: it has carried out the site's rules. */
export interface TierAsk {
  readonly mark: TierMark;
  /** Parts of the key beside path and query, and the lifetimes that rules give. */
  readonly parts: readonly string[];
  readonly ttl: readonly TtlRow[] | null;
  readonly cookiesKeyed: boolean;
  /** Set by the step that answers: what the cache that asked is told beside the answer. */
  told: TierTold | null;
}

interface Asked {
  readonly tier?: TierAsk;
}

interface Came {
  readonly purge: number;
  readonly tier?: TierTold;
}

/** Notes what the cache that asked is to know of the object that answers it. */
export function tellOf(
  ask: Asked,
  meta: Pick<ObjectMeta, "purge" | "heldMs" | "receivedMs">,
  nowMs: number,
): void {
  if (ask.tier === undefined) return;
  const heldMs = (meta.heldMs ?? 0) + Math.max(0, nowMs - meta.receivedMs);
  ask.tier.told = { purge: meta.purge ?? 0, heldMs };
}

/** The same of an answer that is not kept here. */
export function tellPassed(ask: Asked, fetched: Came, reason: string): void {
  if (ask.tier === undefined) return;
  const { tier } = fetched;
  // A web server was asked after the request came, so after all purges that it knows of.
  const purge = tier === undefined ? Math.max(fetched.purge, ask.tier.mark.purge) : fetched.purge;
  const alone = reason === "unsure" || reason === "unframed";
  const told = { purge, heldMs: tier?.heldMs ?? 0 };
  ask.tier.told = alone ? { ...told, alone } : told;
}

/** The answer with what was noted. Without a note it has none: nobody takes it for a parent's. */
export function withTold(response: Response, { tier }: Asked): Response {
  if (tier?.told != null) response.headers.set(TIER_FIELD, writeTierTold(tier.told));
  return response;
}
