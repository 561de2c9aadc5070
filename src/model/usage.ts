/** What is metered for a customer, by site and node: all are counts or bytes since the window began. */
export interface UsageCounters {
  requests: number;
  hits: number;
  /** Body and header-free bytes sent to clients. */
  bytesOut: number;
  /** Body bytes fetched from origins. */
  bytesIn: number;
  /** DNS answers given. */
  queries: number;
}

export const USAGE_KEYS = ["requests", "hits", "bytesOut", "bytesIn", "queries"] as const;

export function noUsage(): UsageCounters {
  return { requests: 0, hits: 0, bytesOut: 0, bytesIn: 0, queries: 0 };
}

export interface UsageEntry extends Readonly<UsageCounters> {
  readonly customer: string;
  readonly site: string;
}

/**
 * One spooled batch. (node, epoch, seq) names it for ever: the ledger takes it once. `epoch` is
 * new with each start of the node's process, `seq` counts from 1 within it.
 */
export interface UsageBatch {
  readonly node: string;
  readonly epoch: string;
  readonly seq: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly entries: readonly UsageEntry[];
}

/** Roles count through this; the node spools what it collects. Hot: no allocation once a site is known. */
export interface Meter {
  /** The live counters of a site: increment the fields in place. */
  of(customer: string, site: string): UsageCounters;
}
