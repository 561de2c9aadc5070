import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { Purge } from "../model/purge.ts";
import { type Ban, banned, canonicalPath, foldBans } from "../policy/caching/mod.ts";
import type { Judged } from "./hot/parents.ts";

/** Bans of one site at once; beyond it they become one of the whole site. */
const BANS_OF_SITE_MAX = 500;
/** Sites that have bans at once; beyond it the oldest site's become one of the whole site. */
const BANS_MAX = 20_000;

/**
 * Purges of more than one URL, and cache groups that answers of web servers ended (RFC 9875 3), which
 * are this cache's own and have numbers of their own. Nothing is looked for when one comes: whatever was stored before it is
 * held against it when it is next read, in both tiers and after a restart. They are kept on disk,
 * written before the purge is acknowledged or the answer sent on, and never end, for objects on disk do not either.
 */
export class Bans {
  readonly #path: string;
  #bySite = new Map<string, readonly Ban[]>();
  #groups = new Map<string, readonly Ban[]>();
  #count = 0;
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
      this.#bySite = new Map(kept.sites);
      this.#groups = new Map(kept.groups ?? []);
      this.#groupEnds = kept.groupEnds ?? 0;
      this.#recount();
    } catch (fault) {
      this.fault = fault;
      this.#believedFromMs = nowMs;
    }
  }

  /** What bans say of a stored object. */
  of(meta: Judged): "hard" | "soft" | null {
    if (meta.receivedMs < this.#believedFromMs) return "hard";
    const key = siteKey(meta.customer, meta.site);
    const groups = this.#groups.get(key);
    const { path, fields, groupEnds = 0 } = meta;
    if (groups !== undefined && banned(groups, { path, fields, purge: groupEnds }) !== null) {
      return "hard";
    }
    const bans = this.#bySite.get(key);
    return bans === undefined ? null : banned(bans, meta);
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
    this.#groups.set(key, foldBans([...before, ...bans], BANS_OF_SITE_MAX));
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
      this.#bySite.set(key, foldBans([...before, ...bans], BANS_OF_SITE_MAX));
    }
    return this.#kept();
  }

  /** Bounded, and on disk. */
  #kept(): Promise<void> {
    this.#recount();
    if (this.#count > BANS_MAX) {
      for (const all of [this.#bySite, this.#groups]) {
        for (const [key, bans] of all) all.set(key, foldBans(bans, 1));
      }
      this.#recount();
    }
    return this.#save();
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

  #recount(): void {
    this.#count = 0;
    for (const all of [this.#bySite, this.#groups]) {
      for (const bans of all.values()) this.#count += bans.length;
    }
  }
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
