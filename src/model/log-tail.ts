/** Somebody follows the log of a site: caches tell its lines for so long, unless they are asked again. */
export interface TailAsk {
  readonly customer: string;
  readonly site: string;
  readonly forMs: number;
}

/** What a cache wrote since it told last. */
export interface TailTold {
  readonly node: string;
  readonly customer: string;
  readonly site: string;
  /** JSON, as in a log that is delivered. */
  readonly lines: readonly string[];
  /** Lines more than it tells at once. */
  readonly dropped: number;
}
