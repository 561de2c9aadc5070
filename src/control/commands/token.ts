import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import type { TokenCreated, TokenRow, tokenCreate } from "../../model/api/mod.ts";
import type { StoredToken } from "../../store/mod.ts";
import { TOKEN_PREFIX } from "../auth.ts";
import { type Caller, hasRole } from "../caller.ts";
import type { Deps } from "../deps.ts";
import { hex, secret, sha256 } from "../digest.ts";

const DAY_MS = 86_400_000;

/**
 * Makes a token of at most the caller's own rights.
 *
 * @throws Fault `not-allowed`, `not-found`
 */
export async function createToken(
  deps: Deps,
  caller: Caller,
  order: z.infer<typeof tokenCreate>,
): Promise<TokenCreated> {
  if (caller.via === "token" && !hasRole(caller, "editor")) throw new Fault("not-allowed");
  const customer = caller.kind === "operator" ? (order.customer ?? null) : caller.customer;
  const foreign = caller.kind === "member" && (order.customer ?? customer) !== customer;
  if (foreign) throw new Fault("not-found", order.customer);
  if (customer !== null) {
    const { network } = await deps.store.intents.read();
    const known = network?.customers.some((c) => c.name === customer) ?? false;
    if (!known) throw new Fault("not-found", customer);
  }
  const text = `${TOKEN_PREFIX}${secret(deps.rng, 32)}`;
  const nowMs = deps.clock.wallMs();
  const token: StoredToken = {
    id: hex(deps.rng, 6),
    hash: sha256(text),
    name: order.name,
    scope: order.scope,
    customer,
    owner: caller.email,
    createdMs: nowMs,
    expiresMs: nowMs + order.days * DAY_MS,
    usedMs: null,
  };
  await deps.store.people.addToken(token, auditOf(deps, caller, { ...token, act: "create" }));
  return { ...rowOf(token), token: text };
}

/** The operator sees all; a member the ones of their own making. */
export async function listTokens(deps: Deps, caller: Caller): Promise<TokenRow[]> {
  const tokens = await deps.store.people.listTokens();
  return tokens.filter((token) => mine(caller, token)).map(rowOf);
}

/** @throws Fault `not-found` */
export async function revokeToken(deps: Deps, caller: Caller, id: string): Promise<void> {
  const token = (await deps.store.people.listTokens()).find((t) => t.id === id);
  if (token === undefined || !mine(caller, token)) throw new Fault("not-found", id);
  if (caller.via === "token" && !hasRole(caller, "editor")) throw new Fault("not-allowed");
  await deps.store.people.dropToken(id, auditOf(deps, caller, { ...token, act: "delete" }));
}

function mine(caller: Caller, token: StoredToken): boolean {
  return caller.kind === "operator" || (token.owner === caller.email && ownCustomer(caller, token));
}

/** A token that the operator made for a customer does not see the operator's others. */
function ownCustomer(caller: Caller, token: StoredToken): boolean {
  return token.customer === caller.customer;
}

function auditOf(deps: Deps, caller: Caller, about: StoredToken & { act: string }) {
  return {
    atMs: deps.clock.wallMs(),
    actor: caller.actor,
    customer: about.customer,
    action: `token.${about.act}`,
    subject: `token/${about.id}`,
    changes: [`${about.act === "create" ? "+" : "-"} ${about.name} (${about.scope})`],
  };
}

function rowOf(token: StoredToken): TokenRow {
  return {
    id: token.id,
    name: token.name,
    scope: token.scope,
    customer: token.customer,
    createdAt: new Date(token.createdMs).toISOString(),
    expiresAt: new Date(token.expiresMs).toISOString(),
    lastUsedAt: token.usedMs === null ? null : new Date(token.usedMs).toISOString(),
  };
}
