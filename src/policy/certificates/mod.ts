/**
 * Which certificate a cache shows for which host name; which are to be obtained, when, and how fast: pure,
 * from a snapshot's hosts, the network file and what customers have. Who holds the keys, who asks the
 * authority, and how certificates reach caches, is above.
 */
export { type CaaAsk, caaRefusal, caaValues } from "./caa.ts";
export { chooseCertificates, coveringNames, coversHost, type Held } from "./choose.ts";
export {
  isForgotten,
  mayOrderAtMs,
  type Ordered,
  registeredDomain,
  renewAtMs,
  retryAtMs,
} from "./pace.ts";
export { type WantedName, wantedNames } from "./wanted.ts";
