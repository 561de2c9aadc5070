/**
 * The caching server: HTTP listeners, objects in memory and on disk, fetches from the least-loaded
 * origin, purges applied and acknowledged, requests and bytes counted. `hot/` is the path of a
 * request and `cache/` what it holds; both see no bus, store or file of anybody else. Not here: which
 * origin is best (policy/steering), what may be stored (policy/caching), where counters go.
 * It owns `<data>/cache` and `<data>/purged.json`.
 */
export { type AccessEntry, type AccessSink, accessLine } from "./access-log.ts";
export type { CertificateSource } from "./certificates.ts";
export type { EdgeOptions } from "./options.ts";
export { type EdgeRole, startEdge } from "./start.ts";
export type { CrewOptions } from "./workers/crew.ts";
export { makeCrewFolder } from "./workers/folder.ts";
