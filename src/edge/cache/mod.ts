/**
 * Where objects are held: a memory tier and a disk tier under hard byte caps, behind one `Cache`.
 * It owns its folder on disk and every object in memory; objects are immutable once stored and are
 * replaced, never changed. It keeps what it is given: whether a response may be stored, is fresh, or
 * answers a request is decided by policy/caching and edge/hot. A purge removes all variants of a key
 * from both tiers and from whatever is on its way in.
 */

export { BorrowedFiles } from "./borrowed.ts";
export { Cache } from "./cache.ts";
export { DiskTier } from "./disk.ts";
export type { DiskObject } from "./disk-object.ts";
export { type Files, notNow, type OpenFile, realFiles } from "./files.ts";
export { MemoryObject, MemoryTier } from "./memory.ts";
export { type Fields, type ObjectMeta, type Stamp, sealMeta } from "./object.ts";
export { Spool } from "./spool.ts";
