/** Which server each client group has at present: made by `assign()`, numbered, sent with Health. */

export interface Assignment {
  readonly number: number;
  readonly atMs: number;
  readonly snapshot: number;
  readonly health: number;
  /** hostname -> client group name -> origin id. */
  readonly origins: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Client group name -> node id of its cache. */
  readonly edges: Readonly<Record<string, string>>;
  /** Target id -> load expected with this assignment (measured plus what was moved there). */
  readonly projected: Readonly<Record<string, number>>;
  /**
   * Target id -> demand per second that was moved to it and has not arrived yet, as resolvers still
   * give older answers; below 0 where it has not left yet. Settled targets are not listed.
   */
  readonly inTransit?: Readonly<Record<string, number>>;
  /** Of that the part that was moved lately: where resolvers' answers have not begun to end. */
  readonly justMoved?: Readonly<Record<string, number>>;
  /** Corrections of weights, where these alone split a site's lookups: see `trimWeights()`. */
  readonly trims?: {
    /** Nothing is corrected before: the network has changed. */
    readonly notBeforeMs: number;
    /** Origin id -> what its weight is multiplied by; 1 where it is not listed. */
    readonly factor: Readonly<Record<string, number>>;
  };
  /** Pop name -> who holds its shelves, of pops with more than one cache that can be used. */
  readonly shelves?: Readonly<Record<string, Shelves>>;
  /** Hostname, or `c` for caches -> client group -> when it last moved; of the last minutes. */
  readonly movedAtMs?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Which cache of a pop answers for which sites: sites are put on shelves by their hostname. */
export interface Shelves {
  /** Node ids, in order. */
  readonly caches: readonly string[];
  /** By shelf: place in `caches`. */
  readonly at: readonly number[];
  /** When these caches became the ones that hold shelves. */
  readonly sinceMs: number;
  /** Shelf -> when it was moved because of a load; of the last minutes. */
  readonly movedAtMs?: Readonly<Record<string, number>>;
}

export const NO_ASSIGNMENT: Assignment = {
  number: 0,
  atMs: 0,
  snapshot: 0,
  health: 0,
  origins: {},
  edges: {},
  projected: {},
};

/** Lookups per second, smoothed. Missing entries count as 0. */
export interface Demand {
  /** hostname -> client group name -> lookups per second for the first address. */
  readonly sites: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Client group name -> lookups per second for caches. */
  readonly edges: Readonly<Record<string, number>>;
  /** Origin id -> answers per second that named it, over a minute; of sites split by weight. */
  readonly answers?: Readonly<Record<string, number>>;
}

export const NO_DEMAND: Demand = { sites: {}, edges: {} };
