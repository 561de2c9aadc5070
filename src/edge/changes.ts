import type { Log } from "../base/log.ts";
import type { Bus } from "../bus/bus.ts";
import type { ChangedOfSite } from "../model/changed.ts";

/** The first change is told at once, those that follow together: whoever posts in a loop cannot flood the bus. */
const EVERY_MS = 250;
/**
 * Of one site in one message, and characters of them; of all sites, of which a customer's may be half of what the
 * others leave. What is more is told to nobody.
 */
const OF_SITE_MAX = 256;
const CHARS_OF_SITE_MAX = 65_536;
const SITES_MAX = 256;

interface Pending {
  readonly customer: string;
  readonly site: string;
  readonly paths: Set<string>;
  readonly groups: Set<string>;
  chars: number;
}

export interface TellChanges {
  tell(of: ChangedOfSite): void;
  stop(): void;
}

/**
 * Tells the other caches what an answer to an unsafe method outdated here. RFC 9111 4.4 asks it of caches
 * that the request went through alone; but who posts by one cache may read by another. It is said
 * once: a cache that cannot be reached at the moment keeps what it holds until that is stale, or purged.
 */
export function tellChanges(o: { readonly node: string; readonly bus: Bus }): TellChanges {
  const { node, bus } = o;
  let pending = new Map<string, Pending>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const send = () => {
    timer = null;
    if (pending.size === 0) return;
    const of = [...pending.values()].map(({ paths, groups, ...one }) => {
      const { customer, site } = one;
      return { customer, site, paths: [...paths], groups: [...groups] };
    });
    pending = new Map();
    timer = setTimeout(send, EVERY_MS);
    bus.publish("edge.changed", { node, of });
  };
  return {
    tell({ customer, site, paths, groups }) {
      const key = `${customer} ${site}`;
      const before = pending.get(key);
      if (before === undefined && !hasRoom(pending, customer)) return;
      const one = before ?? { customer, site, paths: new Set(), groups: new Set(), chars: 0 };
      pending.set(key, one);
      for (const path of paths) take(one, one.paths, path);
      for (const group of groups) take(one, one.groups, group);
      if (timer === null) send();
    },
    stop() {
      if (timer === null) return;
      clearTimeout(timer);
      send();
      clearTimeout(timer);
    },
  };
}

function hasRoom(pending: ReadonlyMap<string, Pending>, customer: string): boolean {
  let own = 0;
  for (const one of pending.values()) if (one.customer === customer) own++;
  return own < (SITES_MAX - (pending.size - own)) / 2;
}

function take(one: Pending, into: Set<string>, name: string): void {
  if (into.has(name)) return;
  if (one.paths.size + one.groups.size >= OF_SITE_MAX) return;
  if (one.chars + name.length > CHARS_OF_SITE_MAX) return;
  one.chars += name.length;
  into.add(name);
}

/** Ends here what other caches say has changed. Gives the end of it. */
export function hearChanges(o: {
  readonly node: string;
  readonly bus: Bus;
  readonly log: Log;
  readonly end: (of: ChangedOfSite) => Promise<void>;
}): () => void {
  return o.bus.subscribe("edge.changed", ({ node, of }) => {
    if (node === o.node) return;
    for (const one of of) {
      o.end(one).catch((fault: unknown) =>
        o.log.warn("What another cache says has changed may come back after a restart", { fault }),
      );
    }
  });
}
