import type { Feed } from "../model/feed.ts";
import type { Snapshot, SnapshotRecord, SnapshotZone } from "../model/snapshot.ts";

/** Names and values that are answered besides those of the snapshot; they come and go without a publish. */
export type Layer = (snapshot: Snapshot) => readonly SnapshotRecord[];

/** A change is answered so much later at most, so that many at once make one new table of names, ms. */
const GATHER_MS = 200;

/**
 * A feed whose snapshot has more records in its zones: what updates have set and what aliases lead to.
 * Everything that looks names up sees one snapshot, and no other table.
 */
export class OverlayFeed implements Feed {
  readonly #feed: Feed;
  readonly #layers: readonly Layer[];
  readonly #listeners = new Set<(snapshot: Snapshot) => void>();
  readonly #unsubscribe: () => void;
  #made: { readonly of: Snapshot; readonly words: string; readonly snapshot: Snapshot } | null =
    null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(feed: Feed, layers: readonly Layer[]) {
    this.#feed = feed;
    this.#layers = layers;
    this.#unsubscribe = feed.onSnapshot(() => this.#tell());
  }

  snapshot(): Snapshot | null {
    const bare = this.#feed.snapshot();
    if (bare === null) return null;
    if (this.#made?.of !== bare) this.#make(bare);
    return this.#made?.snapshot ?? bare;
  }

  health = () => this.#feed.health();
  assignment = () => this.#feed.assignment();
  onHealth = (listener: () => void) => this.#feed.onHealth(listener);

  onSnapshot(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A layer has changed: what it gives is asked for again in a moment. */
  refresh(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.relay();
    }, GATHER_MS);
  }

  /** As `refresh()`, at once. */
  relay(): void {
    const bare = this.#feed.snapshot();
    if (bare !== null && this.#make(bare)) this.#tell();
  }

  stop(): void {
    this.#unsubscribe();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tell(): void {
    const snapshot = this.snapshot();
    if (snapshot !== null) for (const listener of this.#listeners) listener(snapshot);
  }

  /** True when it is another than before. */
  #make(bare: Snapshot): boolean {
    const records = this.#layers.flatMap((layer) => layer(bare));
    const words = JSON.stringify(records);
    if (this.#made?.of === bare && this.#made.words === words) return false;
    const same = records.length === 0 && !hasAlias(bare);
    const snapshot = same ? bare : laidOver(bare, records);
    this.#made = { of: bare, words, snapshot };
    return true;
  }
}

/** The snapshot with these records in the zones, its own or a delegated hostname, that hold their names. */
function laidOver(snapshot: Snapshot, records: readonly SnapshotRecord[]): Snapshot {
  const hosted = new Map(snapshot.zones.map((zone) => [zone.name, zone]));
  const delegated = new Map(
    snapshot.sites
      .filter((site) => site.onboarding === "delegation" && !hosted.has(site.hostname))
      .map((site) => [site.hostname, site.index]),
  );
  const byZone = new Map<string, SnapshotRecord[]>();
  const isZone = (name: string) =>
    name === snapshot.zone || hosted.has(name) || delegated.has(name);
  for (const record of records) {
    const zone = closest(record.name, isZone);
    if (zone !== null) byZone.set(zone, [...(byZone.get(zone) ?? []), record]);
  }
  const zones = snapshot.zones.map((zone): SnapshotZone => {
    const more = byZone.get(zone.name);
    const bare = more === undefined && !zone.records.some(isAlias);
    return bare ? zone : { ...zone, records: laidOn(zone.records, more) };
  });
  const sites = snapshot.sites.map((site) => {
    const more = delegated.has(site.hostname) ? byZone.get(site.hostname) : undefined;
    const bare = more === undefined && !site.records?.some(isAlias);
    return bare ? site : { ...site, records: laidOn(site.records, more) };
  });
  const own = byZone.get(snapshot.zone);
  return { ...snapshot, zones, sites, ...(own === undefined ? {} : { ownRecords: own }) };
}

/** An ALIAS is not answered itself, but by what it leads to. */
function laidOn(
  records: readonly SnapshotRecord[] = [],
  more: readonly SnapshotRecord[] = [],
): SnapshotRecord[] {
  return [...records.filter((record) => !isAlias(record)), ...more];
}

function isAlias({ type }: SnapshotRecord): boolean {
  return type === "ALIAS";
}

function hasAlias(snapshot: Snapshot): boolean {
  const { zones, sites } = snapshot;
  return zones.some((z) => z.records.some(isAlias)) || sites.some((s) => s.records?.some(isAlias));
}

/** The name itself, or the nearest above it, that is one. */
export function closest(name: string, is: (name: string) => boolean): string | null {
  for (let at = 0; ; ) {
    if (is(name.slice(at))) return name.slice(at);
    const dot = name.indexOf(".", at);
    if (dot < 0) return null;
    at = dot + 1;
  }
}
