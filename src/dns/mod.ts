/**
 * The name server: sockets, threads and counters around the answers of `hot/`. It owns what it has
 * loaded from the feed, for as long as no newer snapshot or health arrives, and nothing else: no
 * store, no bus. Not here: which server is chosen (policy/steering), and message formats (wire/dns).
 */

export { type AnswerDns, dohAt } from "./doh.ts";
export { type AnswerSettings, PLAIN } from "./hot/settings.ts";
export type { QueryLogEntry } from "./query-log.ts";
export { type DnsOptions, type DnsServer, startDns } from "./start.ts";
export { TCP_LIMITS, type TcpLimits } from "./tcp.ts";
