/** What answers to unsafe methods outdated at one cache (RFC 9111 4.4, RFC 9875 3), told to the others. */
export interface ChangedTold {
  /** The cache through which they went. */
  readonly node: string;
  readonly of: readonly ChangedOfSite[];
}

export interface ChangedOfSite {
  readonly customer: string;
  readonly site: string;
  /** Path and query at the origin, in their canonical form. */
  readonly paths: readonly string[];
  readonly groups: readonly string[];
}
