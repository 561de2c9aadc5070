/**
 * Which certificate a cache shows for which host name: pure, from a snapshot's hosts and what
 * customers have. Who holds the keys, and how they reach caches, is above.
 */
export { chooseCertificates, coversHost, type Held } from "./choose.ts";
