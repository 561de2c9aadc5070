import type { SiteIndex, Snapshot, SnapshotOrigin, SnapshotSite } from "../../model/snapshot.ts";
import { usesLatency } from "../../policy/steering/mod.ts";

/**
 * What decisions are made from, besides health: plain data, of which all that grows with the sites lies
 * in shared memory. A site is read when a decision about it is made, not before: most never are.
 */
export interface SteeringBytes {
  /** The snapshot without its sites, origins, zones and client prefixes. */
  readonly base: Snapshot;
  readonly sites: number;
  readonly origins: number;
  /** Each site with its origins as JSON, one after the other, and where each begins and the last ends. */
  readonly text: Uint8Array;
  readonly textAt: Uint32Array;
  /** Per origin: its site. */
  readonly siteOf: Uint32Array;
  /** Sites whose decisions depend on round-trip times. */
  readonly byLatency: Uint32Array;
}

/** A site as decisions need it. */
export interface SteeredSite {
  readonly site: SnapshotSite;
  readonly origins: readonly SnapshotOrigin[];
}

/** No step looks at these, and they are long. */
const SITE_UNSEEN = new Set([
  ...["check", "records", "aliases", "target", "customer", "onboarding", "scheme"],
  ...["limitMs", "objectBytesMax", "margin", "fetch", "rules"],
]);
const ORIGIN_UNSEEN = new Set(["exporter", "loadUrl", "snmp", "ftpPort"]);
const TEXT_LEAST = 1 << 16;
/** UTF-8 takes at most so many octets for a unit of a string. */
const OCTETS_PER_UNIT = 3;

export function compileSteering(snapshot: Snapshot): SteeringBytes {
  const { sites, origins } = snapshot;
  const textAt = new Uint32Array(new SharedArrayBuffer((sites.length + 1) * 4));
  const siteOf = new Uint32Array(new SharedArrayBuffer(origins.length * 4));
  const encoder = new TextEncoder();
  let text = new Uint8Array(TEXT_LEAST);
  let at = 0;
  for (const [i, site] of sites.entries()) {
    textAt[i] = at;
    const own = site.origins.map((index) => seen(origins[index]!, ORIGIN_UNSEEN));
    const one = JSON.stringify([seen(site, SITE_UNSEEN), ...own]);
    if (at + one.length * OCTETS_PER_UNIT > text.length) {
      const more = new Uint8Array(Math.max(text.length * 2, at + one.length * OCTETS_PER_UNIT));
      more.set(text);
      text = more;
    }
    at += encoder.encodeInto(one, text.subarray(at)).written;
  }
  textAt[sites.length] = at;
  for (const [i, origin] of origins.entries()) siteOf[i] = origin.site;
  const whole = new Uint8Array(new SharedArrayBuffer(at));
  whole.set(text.subarray(0, at));
  const groups = snapshot.groups.map((group) => ({ ...group, prefixes: [] }));
  const byLatency = sites.filter(usesLatency).map((site) => site.index);
  return {
    base: { ...snapshot, sites: [], origins: [], zones: [], groups },
    sites: sites.length,
    origins: origins.length,
    text: whole,
    textAt,
    siteOf,
    byLatency: Uint32Array.from(byLatency),
  };
}

function seen(thing: object, unseen: ReadonlySet<string>): object {
  return Object.fromEntries(Object.entries(thing).filter(([key]) => !unseen.has(key)));
}

const decoder = new TextDecoder();

/** Reads one site; what no step looks at is not there. */
export function readSite(from: SteeringBytes, site: SiteIndex): SteeredSite {
  const { text, textAt } = from;
  // A copy: decoders do not take shared memory everywhere.
  const octets = text.slice(textAt[site], textAt[site + 1]);
  const [own, ...origins] = JSON.parse(decoder.decode(octets)) as [
    SnapshotSite,
    ...SnapshotOrigin[],
  ];
  return { site: own, origins };
}
