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

export interface PurgeAck {
  readonly number: number;
  readonly node: string;
  readonly atMs: number;
}
