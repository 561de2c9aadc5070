/**
 * What a purge is of: one URL, all paths that begin so, everything with a tag, or the whole site.
 * Tags come from Surrogate-Key, Cache-Tag, Edge-Cache-Tag, xkey and Cache-Groups of responses.
 */
export type PurgeScope = "url" | "prefix" | "tag" | "site";

/** One entry of the purge log: numbered, applied in order, acknowledged by every node. */
export interface Purge {
  readonly number: number;
  readonly atMs: number;
  readonly customer: string;
  readonly site: string;
  /**
   * Path with query, such as `/logo.png`; purges every variant of that URL. With scope `prefix` what
   * paths begin with, with `tag` the tag, with `site` `/`.
   */
  readonly path: string;
  /** Absent: `url`. */
  readonly scope?: PurgeScope;
  /** Nothing is thrown away: it is validated before it is served again. */
  readonly soft?: boolean;
  /** Under which it was numbered, see `PurgeTerm`; absent: told by a control that knows no terms. */
  readonly term?: string;
  /** The term of the entry before it, where it is told at once. */
  readonly follows?: string;
}

/**
 * Numbers that were given under one term. Each run of control has a term that no other has, also after its
 * database was restored from an older copy. So who has an entry of the same number and term has the same
 * log up to it, and the same number of two terms is two purges. Before there were terms it was `""`.
 */
export interface PurgeTerm {
  readonly term: string;
  readonly from: number;
  readonly to: number;
}

/** How far somebody has come in a purge log. */
export interface PurgePlace {
  /** The last number; 0: none. */
  readonly after: number;
  /** The terms of the last numbers up to it, in order; none: only the number is known. */
  readonly terms?: readonly PurgeTerm[];
}

/** What a client asked a cache to purge, with a token that the cache cannot judge. */
export interface PurgeAsk {
  /** SHA-256 of the token, hex: what control keeps of it. */
  readonly tokenHash: string;
  readonly customer: string;
  readonly site: string;
  /** Path with query; without meaning where there are tags. */
  readonly path: string;
  readonly tags: readonly string[];
  readonly soft: boolean;
}

/** Its numbers in the log, or why it is in none. */
export type PurgeTold =
  | {
      readonly numbers: readonly number[];
      /** Of the last of them. */
      readonly term?: string;
    }
  | {
      /** The token is unknown or over, may not purge, is another customer's; too many; no target. */
      readonly refused: "token" | "scope" | "foreign" | "many" | "target";
      readonly waitSec?: number;
    };

export interface PurgeAck {
  readonly number: number;
  readonly node: string;
  /** Of the purge that is acknowledged; absent: of whichever has that number. */
  readonly term?: string;
  /** By the clock of the cache; what is kept is when control heard of it, by the clock that dated the purge. */
  readonly atMs: number;
}
