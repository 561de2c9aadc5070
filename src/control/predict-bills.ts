import type { Simulated } from "../model/api/mod.ts";
import type { Network } from "../model/network.ts";
import type { Site } from "../model/site.ts";
import { formatCents, monthOfUsage, predictCents, type UsageTotal } from "../policy/billing/mod.ts";

/** What was counted of a site lately. */
export interface SiteCount extends UsageTotal {
  readonly site: string;
}

/** What the ledger counted, and in how long. */
export interface Counted {
  readonly spanMs: number;
  readonly sites: (customer: string) => readonly SiteCount[];
}

type Bill = Simulated["customers"][number];

/**
 * What each customer would pay for a month like the hours that were counted, by the network as it is
 * and by a draft. A site that is in one of them only counts there only; name lookups grow as its TTL
 * shrinks, as resolvers ask again when an answer ends. Nobody can tell what a change of `front`
 * brings: requests are taken to stay the same.
 */
export function predictBills(now: Network | null, draft: Network, counted: Counted): Bill[] {
  const names = new Set([...(now?.customers ?? []), ...draft.customers].map((c) => c.name));
  return [...names].sort().map((customer): Bill => {
    const rows = counted.sites(customer);
    const sitesNow = sitesOf(now, customer);
    const before = sum(rows.filter((row) => row.site === "" || sitesNow.has(row.site)));
    const after = sum(rows.flatMap((row) => inDraft(row, sitesNow, sitesOf(draft, customer))));
    return {
      customer,
      before: billOf(now, customer, monthOfUsage(before, counted.spanMs)),
      after: billOf(draft, customer, monthOfUsage(after, counted.spanMs)),
    };
  });
}

function sitesOf(network: Network | null, customer: string): ReadonlyMap<string, Site> {
  const found = network?.customers.find((c) => c.name === customer);
  return new Map((found?.sites ?? []).map((site) => [site.hostname, site]));
}

/** What a site's usage would be with the draft; nothing where it is not in it. */
function inDraft(
  row: SiteCount,
  now: ReadonlyMap<string, Site>,
  draft: ReadonlyMap<string, Site>,
): SiteCount[] {
  if (row.site === "") return [row];
  const then = draft.get(row.site);
  if (then === undefined) return [];
  const ttlSec = now.get(row.site)?.ttlSec ?? then.ttlSec;
  // A TTL of 0 is asked for about once a second by a busy resolver.
  const queries = (row.queries * BigInt(Math.max(1, ttlSec))) / BigInt(Math.max(1, then.ttlSec));
  return [{ ...row, queries }];
}

function sum(rows: readonly SiteCount[]): UsageTotal {
  const total = { bytesOut: 0n, requests: 0n, queries: 0n };
  for (const row of rows) {
    total.bytesOut += row.bytesOut;
    total.requests += row.requests;
    total.queries += row.queries;
  }
  return total;
}

function billOf(network: Network | null, customer: string, month: UsageTotal): Bill["before"] {
  const found = network?.customers.find((c) => c.name === customer);
  const plan = network?.plans.find((p) => p.name === found?.plan);
  if (plan === undefined) return null;
  return {
    plan: plan.name,
    amount: formatCents(predictCents(plan, month)),
    currency: plan.currency,
    bytesOut: Number(month.bytesOut),
    requests: Number(month.requests),
    queries: Number(month.queries),
  };
}
