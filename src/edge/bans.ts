import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { Purge } from "../model/purge.ts";
import { type Ban, banned, canonicalPath, foldBans } from "../policy/caching/mod.ts";
import type { Judged } from "./hot/parents.ts";

/** Bans of one site at once; beyond it they become one of the whole site. */
const BANS_OF_SITE_MAX = 500;
/** Of a site, and of all: a ban weighs one, and one more for each 64 characters of what it names. */
const WEIGHT_OF_SITE_MAX = 2_000;
const WEIGHT_MAX = 20_000;
/** So much is freed at once where that is reached. */
const WEIGHT_FREED = 5_000;
const CHARS_OF_ONE = 64;

/** By `siteKey()`. */
type BansBySite = Map<string, readonly Ban[]>;

/**
 * Purges of more than one URL, and cache groups that answers of web servers ended (RFC 9875 3), which
 * are this cache's own and have numbers of their own. Nothing is looked for when one comes: whatever was stored before it is
 * held against it when it is next read, in both tiers and after a restart. They are kept on disk,
 * written before the purge is acknowledged or the answer sent on, and never end, for objects on disk do not either.
 */
export class Bans {
  readonly #path: string;
  #bySite: BansBySite = new Map();
  #groups: BansBySite = new Map();
  #weight = 0;
  #weightMax = WEIGHT_MAX;
  readonly #judged = new WeakMap<Judged, Verdict>();
  #groupEnds = 0;
  #saving: Promise<void> = Promise.resolve();
  #saveNext: Promise<void> | null = null;
  /** What came before this is not believed, ms since the epoch. */
  #believedFromMs = 0;
  /** Why the file could not be read, or null. Then nothing that was stored until now is served. */
  fault: unknown = null;

  constructor(path: string, nowMs: number) {
    this.#path = path;
    try {
      const text = readOr(path);
      if (text === null) return;
      const kept = JSON.parse(text) as Kept;
      this.#believedFromMs = kept.believedFromMs;
      for (const [key, bans] of kept.sites) this.#set(this.#bySite, key, bans);
      for (const [key, bans] of kept.groups ?? []) this.#set(this.#groups, key, bans);
      this.#groupEnds = kept.groupEnds ?? 0;
    } catch (fault) {
      this.fault = fault;
      this.#believedFromMs = nowMs;
    }
  }

  /** What bans say of a stored object; read anew only after a purge, for it may have thousands of tags. */
  of(meta: Judged): "hard" | "soft" | null {
    if (meta.receivedMs < this.#believedFromMs) return "hard";
    const key = siteKey(meta.customer, meta.site);
    const [bans, groups] = [this.#bySite.get(key), this.#groups.get(key)];
    if (bans === undefined && groups === undefined) return null;
    const known = this.#judged.get(meta);
    if (known !== undefined && known.bans === bans && known.groups === groups) return known.said;
    const said = judge(meta, bans ?? [], groups ?? []);
    this.#judged.set(meta, { bans, groups, said });
    return said;
  }

  /** How many times groups have been ended: what is fetched from now on is of after that. */
  get groupEnds(): number {
    return this.#groupEnds;
  }

  /** Ends groups of a site. From its return on they hold; when it resolves they do after a crash, too. */
  endGroups(
    of: { readonly customer: string; readonly site: string },
    groups: readonly string[],
  ): Promise<void> {
    const key = siteKey(of.customer, of.site);
    const number = ++this.#groupEnds;
    // A group that ends again is one ban still.
    const before = (this.#groups.get(key) ?? []).filter((ban) => !groups.includes(ban.of));
    const bans = groups.map((group): Ban => ({ number, scope: "group", of: group, soft: false }));
    this.#set(this.#groups, key, bounded([...before, ...bans]));
    return this.#kept();
  }

  /**
   * From its return on they hold; when it resolves they do after a crash, too.
   *
   * @param pathsHeld the paths under which a URL of a site may be held; null: that is not known, and whatever is
   *   held of that path is meant, with any query
   */
  add(
    purges: readonly Purge[],
    pathsHeld: (site: string, path: string) => readonly string[] | null = (_, path) => [path],
  ): Promise<void> {
    for (const purge of purges) {
      const key = siteKey(purge.customer, purge.site);
      const { number, scope = "url", soft = false } = purge;
      const of = canonicalOf(purge);
      const before = this.#bySite.get(key) ?? [];
      // The log may be told again; what is known already is in its place.
      if (of === null || number <= (before.at(-1)?.number ?? 0)) continue;
      const paths = scope === "url" ? pathsHeld(purge.site, of) : [of];
      const bare = of.split("?", 1)[0]!;
      const bans: Ban[] = paths?.map((path) => ({ number, scope, of: path, soft })) ?? [
        { number, scope: "url", of: bare, soft },
        { number, scope: "prefix", of: `${bare}?`, soft },
      ];
      this.#set(this.#bySite, key, bounded([...before, ...bans]));
    }
    return this.#kept();
  }

  #set(all: BansBySite, key: string, bans: readonly Ban[]): void {
    this.#weight += weightOf(bans) - weightOf(all.get(key) ?? []);
    all.set(key, bans);
  }

  /** Bounded, and on disk. */
  #kept(): Promise<void> {
    if (this.#weight > this.#weightMax) this.#makeRoom();
    return this.#save();
  }

  /**
   * Of the customers whose bans weigh the most the heaviest sites' become one of the whole site each, until
   * there is room again: who purges much purges nothing of anybody else's.
   */
  #makeRoom(): void {
    const all = [this.#bySite, this.#groups].flatMap((of) =>
      [...of].map(([key, bans]) => ({ of, key, bans, customer: customerOf(key) })),
    );
    const sums = new Map<string, number>();
    for (const { customer, bans } of all) {
      sums.set(customer, (sums.get(customer) ?? 0) + weightOf(bans));
    }
    const sumOf = ({ customer }: { readonly customer: string }) => sums.get(customer) ?? 0;
    all.sort((a, b) => sumOf(b) - sumOf(a) || weightOf(b.bans) - weightOf(a.bans));
    for (const { of, key, bans } of all) {
      if (this.#weight <= WEIGHT_MAX - WEIGHT_FREED) break;
      if (weightOf(bans) > 1) this.#set(of, key, foldBans(bans, 0));
    }
    // Of so many sites that there is nothing to be won: not tried again at each purge.
    this.#weightMax = Math.max(WEIGHT_MAX, this.#weight + WEIGHT_FREED);
  }

  /** One at a time; what comes while one is written is written together after it. */
  #save(): Promise<void> {
    this.#saveNext ??= this.#saving.then(() => {
      this.#saveNext = null;
      const kept: Kept = {
        believedFromMs: this.#believedFromMs,
        sites: [...this.#bySite],
        groupEnds: this.#groupEnds,
        groups: [...this.#groups],
      };
      const written = writeWhole(this.#path, JSON.stringify(kept));
      this.#saving = written.catch(() => {});
      return written;
    });
    return this.#saveNext;
  }
}

/** What was said of an object, by which bans. */
interface Verdict {
  readonly bans: readonly Ban[] | undefined;
  readonly groups: readonly Ban[] | undefined;
  readonly said: "hard" | "soft" | null;
}

function judge(meta: Judged, bans: readonly Ban[], groups: readonly Ban[]): "hard" | "soft" | null {
  const { path, fields, groupEnds = 0 } = meta;
  if (banned(groups, { path, fields, purge: groupEnds }) !== null) return "hard";
  return banned(bans, meta);
}

interface Kept {
  readonly believedFromMs: number;
  readonly sites: readonly [string, readonly Ban[]][];
  readonly groupEnds?: number;
  readonly groups?: readonly [string, readonly Ban[]][];
}

/** What it names, as objects have it; null: nothing can have that. */
function canonicalOf({ scope = "url", path }: Purge): string | null {
  if (scope === "url") return canonicalPath(path);
  // Of the last segment there may be more: `/.` is how `/.well-known` begins.
  return scope === "prefix" ? (canonicalPath(`${path}x`)?.slice(0, -1) ?? path) : path;
}

function siteKey(customer: string, site: string): string {
  return `${customer} ${site}`;
}

function customerOf(key: string): string {
  return key.slice(0, key.indexOf(" "));
}

/** Of one site. */
function bounded(bans: readonly Ban[]): readonly Ban[] {
  const folded = foldBans(bans, BANS_OF_SITE_MAX);
  return weightOf(folded) > WEIGHT_OF_SITE_MAX ? foldBans(folded, 0) : folded;
}

/** Lists of bans are never changed. */
const weights = new WeakMap<readonly Ban[], number>();

function weightOf(bans: readonly Ban[]): number {
  const known = weights.get(bans);
  if (known !== undefined) return known;
  const one = ({ of }: Ban) => 1 + Math.floor(of.length / CHARS_OF_ONE);
  const weight = bans.reduce((sum, ban) => sum + one(ban), 0);
  weights.set(bans, weight);
  return weight;
}

function readOr(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (fault) {
    if ((fault as { code?: string }).code === "ENOENT") return null;
    throw fault;
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.tmp`, "w");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}
