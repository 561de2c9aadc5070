import { type Kysely, sql } from "kysely";

/** The first tables of the control plane. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  "create table intent (version integer primary key, network text not null, at_ms integer not null)",
  `create table site_target (
    target text primary key, hostname text not null, customer text not null, dropped integer)`,
  "create unique index site_target_live on site_target (hostname) where dropped is null",
  `create table snapshot (
    number integer primary key, hash text not null, body text not null,
    intent_version integer not null, created_ms integer not null, note text not null)`,
  `create table node_ack (
    node text primary key, number integer not null, at_ms integer not null)`,
  "create table operator (email text primary key, password_hash text not null)",
  `create table member (
    email text primary key, customer text not null, role text not null, password_hash text)`,
  `create table session (
    id_hash text primary key, kind text not null, email text not null,
    created_ms integer not null, seen_ms integer not null)`,
  `create table token (
    id text primary key, hash text not null unique, name text not null, scope text not null,
    customer text, owner text not null, created_ms integer not null, expires_ms integer not null,
    used_ms integer)`,
  `create table purge (
    number integer primary key autoincrement, at_ms integer not null, customer text not null,
    site text not null, path text not null)`,
  `create table purge_ack (
    number integer not null, node text not null, at_ms integer not null,
    primary key (number, node))`,
  `create table audit (
    seq integer primary key, at_ms integer not null, actor text not null, customer text,
    action text not null, subject text not null, changes text not null, hash text not null)`,
  "create index audit_customer on audit (customer, seq)",
  "create table audit_head (id integer primary key, seq integer not null, hash text not null)",
  "insert into audit_head (id, seq, hash) values (1, 0, '')",
];
