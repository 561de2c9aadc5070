/**
 * The bytes that probes read and write, as pure functions: Prometheus text as node_exporter serves
 * it and the loads that follow from two scrapes, load objects, ORCA fields, ICMP echoes, the
 * smallest DNS query there is, and a reader that says when an HTTP/1.1 response is complete.
 * Everything is bounded and nothing throws, whatever the other side sends. Sockets, timers and
 * verdicts live in src/probe.
 */

export { type BeaconReport, readBeacon } from "./beacon.ts";
export {
  type ExporterLoad,
  type ExporterReading,
  exporterLoads,
  readExporter,
} from "./exporter.ts";
export { echoReplyNonce, encodeEcho } from "./icmp.ts";
export { encodeLatencyQuery, isLatencyReply, LATENCY_QUERY_BYTES } from "./latency-query.ts";
export { loadOfObject, readLoadObject } from "./load-object.ts";
export { type MetricSample, type MetricsText, parseMetrics } from "./metrics.ts";
export { Mmdb, type MmdbValue } from "./mmdb.ts";
export { ORCA_BINARY_FIELD, ORCA_FIELD, orcaOf, readOrca } from "./orca.ts";
export { memoryShareLoad, type ReportedLoad } from "./reported-load.ts";
export { type ResponseProgress, ResponseReader } from "./response.ts";
export { HOST, type SnmpReading, snmpCpu, snmpMemory, UCD, type UcdName } from "./snmp.ts";
export {
  encodeTcpAsk,
  encodeTcpDump,
  readTcpSent,
  type TcpEnds,
  type TcpPeer,
  type TcpSent,
  takeTcpDump,
} from "./sock-diag.ts";
