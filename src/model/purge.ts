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
  | { readonly numbers: readonly number[] }
  | {
      /** The token is unknown or over, may not purge, is another customer's; too many; no target. */
      readonly refused: "token" | "scope" | "foreign" | "many" | "target";
      readonly waitSec?: number;
    };

export interface PurgeAck {
  readonly number: number;
  readonly node: string;
  /** By the clock of the cache; what is kept is when control heard of it, by the clock that dated the purge. */
  readonly atMs: number;
}
