/**
 * Intent becomes a snapshot here: validated across nouns, compiled to indexes, numbered and hashed
 * (the hash function comes in). Also what differs between two intents, and the tables of names that
 * every role derives from a snapshot in the same way. Pure; who stores and publishes is above.
 */
export { type AsPrefixes, IMPORTED, prefixesByAs, withAsGroups } from "./as-groups.ts";
export { Compiler, compile } from "./compile.ts";
export { type Change, diffIntent, diffSite } from "./diff.ts";
export { groupEntries } from "./groups.ts";
export { hashBody } from "./hash.ts";
export { type HostEntry, type HostTable, siteOfHost } from "./hosts.ts";
export { MEASURED, type MeasuredNetwork, withMeasuredGroups } from "./measured-groups.ts";
export { nameServerSet, nodeServerName } from "./name-servers.ts";
export {
  askOfSteered,
  compileNames,
  type NameEntry,
  type NameTable,
  type Steered,
  type ZoneEntry,
} from "./names.ts";
export { overlapping, type Wanted, wantedBy, wantedBySite } from "./overlap.ts";
export { type OwnNetwork, ownAddresses } from "./own-addresses.ts";
export { nodesBefore, type PublishOrder, publishOrder } from "./publish-order.ts";
export { readdressed } from "./readdress.ts";
export { type RecordPlace, recordWarnings } from "./records.ts";
export { recordPlace, validateNetwork, within } from "./validate.ts";
export { verifySnapshot } from "./verify.ts";
