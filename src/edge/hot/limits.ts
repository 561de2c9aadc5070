/** The edge's fixed limits. Each says what it bounds. */

/** Objects up to this are delivered whole, with Content-Length, and held in memory. */
export const WHOLE_BYTES_MAX = 1024 * 1024;
/** Those that have not come by then are sent on as they come. */
export const WHOLE_MS = 10_000;
/** Bodies up to this are counted as sent when they are handed to the runtime. */
export const AT_ONCE_BYTES_MAX = 262_144;
/**
 * Parts of files up to this are handed to the runtime as they are, and counted once they have arrived
 * (../sendings.ts). Larger ones are counted as they go.
 */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;
/** How long what a cache says to its parent may be under way, clocks that differ included. */
export const TIER_WINDOW_MS = 10_000;
/** Parents asked for one request; then its web servers. */
export const PARENTS_ASKED_MAX = 2;
/** How long a parent may take for the head of its answer: a little more than a web server may. */
export const PARENT_HEAD_MS = 12_000;
/** A parent that failed is not asked for so long. */
export const PARENT_AVOID_MS = 3_000;
/** Parents that are left alone at once, by site; beyond it all are asked again. */
export const AVOIDED_MAX = 10_000;
/** Exchanges with one parent at once, of all customers; beyond it the next is asked. */
export const PARENT_EXCHANGES_MAX = 512;
/** Addresses that unsafe requests changed: this cache asks no parent for them, for so long. */
export const CHANGED_MAX = 10_000;
export const CHANGED_MS = 24 * 3600 * 1000;
/** Those that another cache told of: its parents were told as well, though maybe later than it. */
export const CHANGED_ELSEWHERE_MS = 10_000;
/** Longest request target taken. */
export const TARGET_LENGTH_MAX = 8_192;
/** URLs whose object is known without parsing; longer ones and later ones are parsed each time. */
export const KNOWN_URLS_MAX = 65_536;
export const KNOWN_URL_LENGTH_MAX = 512;
export const KNOWN_PER_OBJECT_MAX = 8;
/** Keys known not to be shareable: their requests do not wait for each other. */
export const PRIVATE_KEYS_MAX = 10_000;
export const PRIVATE_KEY_MS = 10_000;
/** Characters of all names that are remembered for one such purpose. */
export const NOTES_LENGTH_MAX = 4 * 1024 * 1024;
/** An origin's exchanges at once, where it says nothing; beyond it the next choice is asked. */
export const ORIGIN_EXCHANGES_MAX = 512;
/** Exchanges of all customers together, waiting ones too; one customer alone may have half of them. */
export const EXCHANGES_MAX = 4_096;
/** Requests of one client's connection that have exchanges under way at once; others of it wait. */
export const TURNS_MAX = 100;
/** As many as one connection may have open. */
export const TURNS_WAITING_MAX = 256;
export const TURN_WAIT_MS = 10_000;
/** How long a request waits for one of them to end. */
export const QUEUE_MS = 3_000;
export const HEAD_MS = 10_000;
export const SILENT_MS = 30_000;
/** Seconds that a client's connection may be quiet; then it is closed. */
export const IDLE_SEC = 10;
/** Seconds that a client's connection may be quiet while its origin is asked. */
export const MISS_IDLE_SEC = 60;
/** Client prefixes whose rate is known at once; beyond it the one seen longest ago is forgotten. */
export const RATE_BUCKETS_MAX = 65_536;
/** Cookies of one name in which a valid signature is looked for. */
export const TOKENS_TRIED_MAX = 8;
/** A second server is asked for one fetch in twenty at most, and for so many at once after a calm time. */
export const HEDGE_PART = 1 / 20;
export const HEDGE_BURST = 10;
/** Below it there is nothing to be won by asking twice. */
export const HEDGE_MS_MIN = 10;
/** Sites whose times are kept for it. */
export const HEDGED_SITES_MAX = 4_096;
