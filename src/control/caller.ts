import { Fault } from "../base/fault.ts";
import type { MemberRole, Route } from "../model/api/mod.ts";

/** Who calls: what a session or a token stands for at this moment. */
export interface Caller {
  readonly kind: "nobody" | "operator" | "member";
  readonly email: string;
  /** For the audit: an e-mail address, or `token/<id>`. */
  readonly actor: string;
  /** A member's customer; null for the operator. */
  readonly customer: string | null;
  readonly role: MemberRole;
  readonly via: "nothing" | "session" | "token";
  /** A token that may purge, and nothing else. */
  readonly purgesOnly?: true;
  /** Of the session, when there is one. */
  readonly sessionHash: string | null;
}

export const NOBODY: Caller = {
  kind: "nobody",
  email: "",
  actor: "nobody",
  customer: null,
  role: "viewer",
  via: "nothing",
  sessionHash: null,
};

const RANK: Readonly<Record<MemberRole, number>> = { viewer: 0, editor: 1, owner: 2 };

export function hasRole(caller: Caller, role: MemberRole): boolean {
  return RANK[caller.role] >= RANK[role];
}

/**
 * What a caller may do, in this order:
 *
 *     access      nobody  another's member  own member, role too low  else
 *     anyone      yes     yes               yes                       yes
 *     signed-in   401     yes               yes                       yes
 *     viewer...   401     404               403                       yes
 *     operator    401     403               403                       the operator; 403 to write
 *                                                                     with a token for reading
 *
 * Tokens that may only purge may call what is for them: 403 to all else but `anyone`.
 *
 * @throws Fault `not-signed-in`, `not-found` or `not-allowed`
 */
export function mayCall(caller: Caller, route: Route, customer: string | undefined): void {
  if (route.access === "anyone") return;
  if (caller.kind === "nobody") throw new Fault("not-signed-in");
  if (caller.purgesOnly === true && route.forPurge !== true) throw new Fault("not-allowed");
  if (route.access === "signed-in") return;
  if (route.access === "operator") {
    if (caller.kind !== "operator") throw new Fault("not-allowed");
    if (route.method !== "get" && !hasRole(caller, "editor")) throw new Fault("not-allowed");
    return;
  }
  if (caller.kind === "member" && caller.customer !== customer) throw new Fault("not-found");
  if (!hasRole(caller, route.access)) throw new Fault("not-allowed");
}
