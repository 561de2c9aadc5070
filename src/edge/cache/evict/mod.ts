/**
 * Who goes when room is needed: one small file per algorithm, one suite for all (evict.contract.ts).
 * Objects are slot numbers in a table of columns, so that a million of them cost megabytes and no
 * objects of their own. Here nothing is known of keys, bodies or disks; the tiers own those, and say
 * when room is needed. Which one is used by default: docs/decisions/0014.
 */
export { type Evictor, type MakeEvictor, nextOf, PROBATION_PART } from "./evictor.ts";
export { Gdsf } from "./gdsf.ts";
export { Lru } from "./lru.ts";
export { nameHash } from "./name-hash.ts";
export { Present } from "./present.ts";
export { S3Fifo } from "./s3-fifo.ts";
export { MOST_BYTES, MOST_HITS, S3Gdsf } from "./s3-gdsf.ts";
export { Shares } from "./shares.ts";
export { Sieve } from "./sieve.ts";
export { grown, NONE, Slots } from "./slots.ts";
export { TinyLfu } from "./tiny-lfu.ts";
