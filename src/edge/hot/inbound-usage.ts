import type { UsageCounters } from "../../model/usage.ts";

/**
 * A site's usage where another process or cache serves its clients and counts what they are sent: only what
 * comes from the site's web servers counts here, for it comes nowhere else. All else is counted for nobody.
 */
export class InboundUsage implements UsageCounters {
  requests = 0;
  hits = 0;
  bytesOut = 0;
  queries = 0;
  readonly #site: UsageCounters;

  constructor(site: UsageCounters) {
    this.#site = site;
  }

  get bytesIn(): number {
    return this.#site.bytesIn;
  }

  set bytesIn(bytes: number) {
    this.#site.bytesIn = bytes;
  }
}
