/**
 * DNS messages between bytes and values: names, records, EDNS and client subnet, whole messages
 * both ways, the reader of queries that name servers use for each packet, and record data as text.
 * Decoders never throw; they return frozen fault constants. Not here: sockets, zones, and what is
 * answered.
 */
export { addressesIn } from "./addresses-in.ts";
export { type Caa, decodeCaa } from "./caa.ts";
export { type ClientSubnet, decodeClientSubnet, encodeClientSubnet } from "./client-subnet.ts";
export * from "./codes.ts";
export {
  CLIENT_COOKIE_BYTES,
  COOKIE,
  COOKIE_BYTES,
  type CookieAsker,
  Cookies,
  type CookieWorth,
} from "./cookie.ts";
export { compressedOffset, layoutOf, targetOffset } from "./data-layout.ts";
export {
  type DataProblem,
  formatData,
  isDataProblem,
  parseData,
  parseSeconds,
  wholeName,
} from "./data-text.ts";
export {
  decodeMessage,
  type Edns,
  type EdnsOption,
  encodeMessage,
  type Message,
  makeQuery,
  type Question,
} from "./message.ts";
export { type DecodedName, decodeName, encodeName, lowerCaseName } from "./name.ts";
export { Query, readQuery, VERDICT } from "./query.ts";
export type { RecordData, ResourceRecord, Soa } from "./record.ts";
export { formatQuoted } from "./text-octets.ts";
export {
  type Hmac,
  isSigned,
  readTsig,
  refuseTsig,
  type SignedMessage,
  signMessage,
  TSIG_ALGORITHMS,
  TSIG_ERROR,
  TSIG_FUDGE_SEC,
  type Tsig,
  type TsigAlgorithm,
  type TsigCheck,
  type TsigKey,
  type TsigSigning,
  type TsigVerdict,
  timeOctets,
  tsigBytes,
  verifyTsig,
} from "./tsig.ts";
export { typeName, typeNumber } from "./type-name.ts";
export { FAULT, isWireFault, type WireFault } from "./wire-fault.ts";
export { type DataWord, MASTER_FILE_ENDS, readWord, wordsOf } from "./words.ts";
export { Writer } from "./writer.ts";
