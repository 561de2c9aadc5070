/** One entry of the purge log: numbered, applied in order, acknowledged by every node. */
export interface Purge {
  readonly number: number;
  readonly atMs: number;
  readonly customer: string;
  readonly site: string;
  /** Path with query, such as `/logo.png`; purges every variant of that URL. */
  readonly path: string;
}

export interface PurgeAck {
  readonly number: number;
  readonly node: string;
  readonly atMs: number;
}
