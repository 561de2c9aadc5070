import type { Generated, Kysely } from "kysely";

/** The tables, as Kysely sees them. JSON is text; times are milliseconds since the Unix epoch. */
export interface Schema {
  intent: { version: number; network: string; at_ms: number };
  site_target: {
    target: string;
    hostname: string;
    customer: string;
    /** Null while the site exists; then the order in which it went. */
    dropped: number | null;
  };
  snapshot: {
    number: number;
    hash: string;
    body: string;
    intent_version: number;
    created_ms: number;
    note: string;
  };
  node_ack: { node: string; number: number; at_ms: number };
  operator: { email: string; password_hash: string };
  member: { email: string; customer: string; role: string; password_hash: string | null };
  session: {
    id_hash: string;
    kind: string;
    email: string;
    created_ms: number;
    seen_ms: number;
  };
  token: {
    id: string;
    hash: string;
    name: string;
    scope: string;
    customer: string | null;
    owner: string;
    created_ms: number;
    expires_ms: number;
    used_ms: number | null;
  };
  purge: {
    number: Generated<number>;
    at_ms: number;
    customer: string;
    site: string;
    path: string;
    scope: Generated<string>;
    /** 0 or 1 */
    soft: Generated<number>;
    /** Empty: from before it was kept. */
    actor: Generated<string>;
  };
  purge_ack: { number: number; node: string; at_ms: number };
  purge_folded: {
    customer: string;
    site: string;
    number: number;
    at_ms: number;
    /** 0 or 1 */
    soft: number;
  };
  purge_term: {
    /** The first number under it; up to the next row's. */
    first: number;
    /** Null: what had these numbers is numbered anew. */
    term: string | null;
  };
  /** Numbers between the two that were told became so much higher; in the order of their ids. */
  purge_moved: { id: Generated<number>; above: number; below: number; by: number };
  audit: {
    seq: number;
    at_ms: number;
    actor: string;
    customer: string | null;
    action: string;
    subject: string;
    changes: string;
    hash: string;
  };
  former_name: { name: string; customer: string; kind: string; dropped_ms: number };
  claim: {
    customer: string;
    name: string;
    kind: string;
    body: string;
    names: string;
    token: string;
    created_ms: number;
    checked_ms: number | null;
    problem: string | null;
  };
  audit_head: { id: number; seq: number; hash: string };
}

export type Db = Kysely<Schema>;
