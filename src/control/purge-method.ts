import { Fault } from "../base/fault.ts";
import { purgeCreate } from "../model/api/mod.ts";
import type { Purge, PurgeAsk, PurgeTold } from "../model/purge.ts";
import type { Auth } from "./auth.ts";
import { type Caller, hasRole } from "./caller.ts";
import { createPurge } from "./commands/purge.ts";
import type { Deps } from "./deps.ts";
import type { Throttle } from "./throttle.ts";

interface PurgeMethodParts {
  readonly deps: Deps;
  readonly auth: Auth;
  readonly purges: Throttle;
}

/**
 * Answers caches whose clients used the method PURGE: who holds the token is judged here, and what it
 * may purge is put into the log as if it had come by the API. Returns the way to stop.
 */
export function servePurgeMethod(parts: PurgeMethodParts): () => void {
  return parts.deps.bus.respond("purge.ask", (ask) => purgeAsked(parts, ask));
}

async function purgeAsked(
  { deps, auth, purges }: PurgeMethodParts,
  ask: PurgeAsk,
): Promise<PurgeTold> {
  const { customer, site, path, tags, soft } = ask;
  const caller = await auth.byTokenHash(ask.tokenHash);
  const refused = refusalOf(caller, customer);
  if (refused !== null) return { refused };
  const more = soft ? { soft: true } : {};
  const wanted = tags.length > 0 ? tags.map((tag) => ({ tag, ...more })) : [{ path, ...more }];
  const orders = wanted.flatMap((one) => purgeCreate.safeParse(one).data ?? []);
  if (orders.length < wanted.length) return { refused: "target" };
  const made: Purge[] = [];
  try {
    for (const what of orders) {
      const order = { customer, site, what, actor: caller.actor };
      made.push(await createPurge(deps, purges, order));
    }
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    if (fault.code === "not-found") return { refused: "foreign" };
    if (fault.code !== "too-many-requests") throw fault;
    return { refused: "many", waitSec: Number(fault.cause) };
  }
  const { term } = made.at(-1) ?? {};
  return { numbers: made.map(({ number }) => number), ...(term === undefined ? {} : { term }) };
}

function refusalOf(caller: Caller, customer: string): "token" | "scope" | "foreign" | null {
  if (caller.kind === "nobody") return "token";
  if (caller.kind === "member" && caller.customer !== customer) return "foreign";
  return hasRole(caller, "editor") ? null : "scope";
}
