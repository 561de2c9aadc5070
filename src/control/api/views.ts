import { Fault } from "../../base/fault.ts";
import type {
  AuditEntry,
  CustomerRow,
  CustomerView,
  Published,
  Session,
  SiteView,
  SnapshotRow,
} from "../../model/api/mod.ts";
import type { Health } from "../../model/health.ts";
import type { Customer, Network } from "../../model/network.ts";
import type { Audit, NodeAck, SnapshotHead, StoredIntent } from "../../store/mod.ts";
import { authorityRows } from "../authorities.ts";
import type { Caller } from "../caller.ts";
import type { ChangeDone } from "../change.ts";
import { serverNames } from "../commands/zone-file.ts";
import type { Deps } from "../deps.ts";
import { siteTag } from "../site-condition.ts";

export function sessionView(caller: Caller): Session {
  const { email, customer, role } = caller;
  return { email, kind: caller.kind === "operator" ? "operator" : "member", customer, role };
}

export function auditRow(entry: Audit): AuditEntry {
  const { seq, actor, customer, action, subject, hash } = entry;
  const at = new Date(entry.atMs).toISOString();
  return { seq, at, actor, customer, action, subject, changes: [...entry.changes], hash };
}

export function customerRow(customer: Customer): CustomerRow {
  return {
    name: customer.name,
    title: customer.title ?? customer.name,
    plan: customer.plan,
    sites: customer.sites.length,
    origins: customer.sites.reduce((sum, site) => sum + site.origins.length, 0),
  };
}

export function customerView(network: Network, name: string): CustomerView | null {
  const customer = network.customers.find((c) => c.name === name);
  const plan = network.plans.find((p) => p.name === customer?.plan);
  if (customer === undefined || plan === undefined) return null;
  return {
    name,
    title: customer.title ?? name,
    plan,
    members: customer.members.map(({ email, role }) => ({ email, role })),
    sites: customer.sites.map((site) => site.hostname),
    zones: customer.zones,
  };
}

export function siteViews(
  intent: StoredIntent,
  customerName: string,
  now: { readonly health: Health; readonly wallMs: number },
): SiteView[] | null {
  const { network, targets } = intent;
  const customer = network?.customers.find((c) => c.name === customerName);
  if (network == null || customer === undefined) return null;
  const nameServers = serverNames(network, customerName);
  return customer.sites.map((site) => {
    const authorities = authorityRows(site, now.wallMs);
    const ids = site.origins.map((origin) => `${site.hostname}/${origin.name}`);
    return {
      customer: customerName,
      site,
      names: {
        cname: `${targets[site.hostname]}.gtm.${network.zone}`,
        nameServers,
        cacheHost: `${site.hostname}.${network.zone}`,
        cachePath: `c.${network.zone}/${site.hostname}`,
      },
      ports: { http: network.ports.http, https: network.ports.https },
      up: ids.filter((id) => now.health.targets[id]?.state === "up").length,
      etag: siteTag(site),
      ...(authorities === undefined ? {} : { authorities }),
    };
  });
}

export async function snapshotRows(
  deps: Deps,
  page: { readonly before: number | null; readonly limit: number },
): Promise<SnapshotRow[]> {
  const heads = await deps.store.intents.listSnapshots(page);
  const acks = await deps.store.intents.acks();
  return heads.map((head) => snapshotRow(deps, head, acks));
}

/** What a publish or a rollback answers. */
export async function publishedView(deps: Deps, done: ChangeDone): Promise<Published> {
  const [snapshot] = await snapshotRows(deps, { before: null, limit: 1 });
  if (snapshot === undefined) throw new Fault("snapshot-missing");
  return { snapshot, published: done.snapshot !== null };
}

/** A node that has a later snapshot has had this one or does not need it any more. */
function snapshotRow(deps: Deps, head: SnapshotHead, acks: readonly NodeAck[]): SnapshotRow {
  const names = new Set(deps.publisher.latest()?.nodes.map((node) => node.name) ?? []);
  const having = acks.filter((ack) => names.has(ack.node) && ack.number >= head.number);
  const have = new Set(having.map((ack) => ack.node));
  return {
    number: head.number,
    hash: head.hash,
    intentVersion: head.intentVersion,
    createdAt: new Date(head.createdAtMs).toISOString(),
    note: head.note,
    acks: having.map(({ node, atMs }) => ({ node, atMs })),
    missing: [...names].filter((name) => !have.has(name)),
    kept: head.kept,
  };
}
